"""Environments that were made; those that have deployments are among them."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

from intermodal.server.portable import WORDS

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    environments = op.create_table(
        "environments",
        sa.Column("name", WORDS, primary_key=True),
        sa.Column("description", WORDS, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
    )
    versions = sa.table("versions", sa.column("environment", WORDS))
    known = op.get_bind().execute(sa.select(versions.c.environment).distinct()).scalars()
    rows = [{"name": name, "description": "", "created": time.time()} for name in known]
    if rows:
        op.bulk_insert(environments, rows)


def downgrade() -> None:
    """Remove it: every name is an environment again."""
    op.drop_table("environments")
