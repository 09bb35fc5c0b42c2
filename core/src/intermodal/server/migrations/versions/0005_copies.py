"""Of which version one is a copy, that a rollback has made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; of versions from before nobody knows it."""
    op.add_column("versions", sa.Column("copy_of", sa.Integer))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("versions", "copy_of")
