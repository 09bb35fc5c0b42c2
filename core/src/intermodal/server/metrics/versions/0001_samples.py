"""Samples."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from intermodal.server.portable import NUMBER, WORDS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "samples",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("environment", WORDS, nullable=False),
        sa.Column("app", WORDS, nullable=False),
        sa.Column("function", WORDS, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("unit", WORDS, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
    )
    op.create_index("samples_by_name", "samples", ["environment", "app", "name", "at"])


def downgrade() -> None:
    """Remove it with all samples."""
    op.drop_table("samples")
