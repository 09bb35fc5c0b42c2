"""Lines, and blocks of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from intermodal.server.portable import NUMBER, WORDS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "lines",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("environment", WORDS, nullable=False),
        sa.Column("app", WORDS, nullable=False),
        sa.Column("function", WORDS, nullable=False),
        sa.Column("container", WORDS, nullable=False),
        sa.Column("call", WORDS),
        sa.Column("stream", sa.Integer, nullable=False),
        sa.Column("level", sa.Integer),
        sa.Column("record", sa.Integer().with_variant(JSONB(), "postgresql")),
        sa.Column("text", sa.LargeBinary().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
    )
    op.create_index("lines_by_app", "lines", ["environment", "app", "id", "function"])
    op.create_index("lines_by_container", "lines", ["container"])
    called = sa.text("call IS NOT NULL")
    op.create_index("lines_by_call", "lines", ["call"], sqlite_where=called, postgresql_where=called)
    op.create_table(
        "blocks",
        sa.Column("first", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("last", NUMBER, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
    )


def downgrade() -> None:
    """Remove them with all lines."""
    op.drop_table("blocks")
    op.drop_table("lines")
