"""Deployed versions of apps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from intermodal.server.portable import WORDS

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "versions",
        sa.Column("environment", WORDS, primary_key=True),
        sa.Column("app", WORDS, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("package", WORDS, nullable=False),
        sa.Column("warm", sa.Integer, nullable=False),
        sa.Column("client", WORDS, nullable=False),
        sa.Column("tag", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("changed", sa.Float, nullable=False),
        sa.Column("error", WORDS, nullable=False),
    )


def downgrade() -> None:
    """Remove it, and what was deployed."""
    op.drop_table("versions")
