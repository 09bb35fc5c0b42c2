"""Schedules of deployed functions, and their runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from intermodal.server.portable import WORDS

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "schedules",
        sa.Column("environment", WORDS, primary_key=True),
        sa.Column("app", WORDS, primary_key=True),
        sa.Column("function", WORDS, primary_key=True),
        sa.Column("spec", WORDS, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("seen", sa.Float, nullable=False),
        sa.Column("paused", sa.Integer, nullable=False),
    )
    op.create_table(
        "schedule_runs",
        sa.Column("environment", WORDS, primary_key=True),
        sa.Column("app", WORDS, primary_key=True),
        sa.Column("function", WORDS, primary_key=True),
        sa.Column("slot", sa.Float(53), primary_key=True),
        sa.Column("call", WORDS, nullable=False, unique=True),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("started", sa.Float, nullable=False),
        sa.Column("ended", sa.Float),
        sa.Column("error", WORDS, nullable=False),
    )


def downgrade() -> None:
    """Remove them, and with them what has run."""
    op.drop_table("schedule_runs")
    op.drop_table("schedules")
