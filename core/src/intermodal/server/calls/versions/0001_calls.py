"""Calls, and their outputs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from intermodal.server.portable import NUMBER, WORDS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "calls",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("id", WORDS, nullable=False, unique=True),
        sa.Column("environment", WORDS, nullable=False),
        sa.Column("app", WORDS, nullable=False),
        sa.Column("function", WORDS, nullable=False),
        sa.Column("method", WORDS, nullable=False),
        sa.Column("options", WORDS, nullable=False),
        sa.Column("parent", WORDS),
        sa.Column("inputs", sa.Integer, nullable=False),
        sa.Column("digest", WORDS, nullable=False),
        sa.Column("created", sa.Float(53), nullable=False),
        sa.Column("ended", sa.Float(53)),
        sa.Column("expired", sa.Float(53)),
        sa.Column("succeeded", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("cancelled", sa.Integer, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
    )
    op.create_index("calls_by_end", "calls", ["ended", "number"])
    op.create_index("calls_by_app", "calls", ["environment", "app", "number"])
    op.create_index("calls_by_parent", "calls", ["parent"])
    op.create_index("calls_by_failure", "calls", ["environment", "failed", "number"])
    op.create_table(
        "outputs",
        sa.Column("call", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("index", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove them with all calls."""
    op.drop_table("outputs")
    op.drop_table("calls")
