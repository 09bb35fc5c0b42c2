"""Lines, and blocks of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from intermodal.server.columns import WORDS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "lines",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("environment", WORDS, nullable=False),
        sa.Column("app", WORDS, nullable=False),
        sa.Column("function", WORDS, nullable=False),
        sa.Column("container", WORDS, nullable=False),
        sa.Column("call", WORDS),
        sa.Column("stream", sa.Integer, nullable=False),
        sa.Column("level", sa.Integer),
        sa.Column("record", sa.Integer),
        sa.Column("text", sa.LargeBinary, nullable=False),
    )
    op.create_index("lines_by_app", "lines", ["environment", "app", "id", "function"])
    op.create_index("lines_by_container", "lines", ["container"])
    op.create_index("lines_by_call", "lines", ["call"], sqlite_where=sa.text("call IS NOT NULL"))
    op.create_table(
        "blocks",
        sa.Column("first", sa.Integer, primary_key=True),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Remove them with all lines."""
    op.drop_table("blocks")
    op.drop_table("lines")
