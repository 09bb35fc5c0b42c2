"""Whose input a line is of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Lines that are there have none."""
    op.add_column("lines", sa.Column("input", sa.Integer))


def downgrade() -> None:
    """Forget them."""
    op.drop_column("lines", "input")
