"""Tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from intermodal.server.portable import WORDS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "tokens",
        sa.Column("name", WORDS, primary_key=True),
        sa.Column("digest", WORDS, nullable=False, unique=True),
        sa.Column("created", sa.Float, nullable=False),
    )


def downgrade() -> None:
    """Remove it, and who may connect with it."""
    op.drop_table("tokens")
