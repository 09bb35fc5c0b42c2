"""Samples."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "samples",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("environment", sa.String, nullable=False),
        sa.Column("app", sa.String, nullable=False),
        sa.Column("function", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
    )
    op.create_index("samples_by_name", "samples", ["environment", "app", "name", "at"])


def downgrade() -> None:
    """Remove it with all samples."""
    op.drop_table("samples")
