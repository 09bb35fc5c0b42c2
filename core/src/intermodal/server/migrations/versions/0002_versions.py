"""Deployed versions of apps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "versions",
        sa.Column("environment", sa.String, primary_key=True),
        sa.Column("app", sa.String, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("package", sa.Text, nullable=False),
        sa.Column("warm", sa.Integer, nullable=False),
        sa.Column("client", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("changed", sa.Float, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Remove it, and what was deployed."""
    op.drop_table("versions")
