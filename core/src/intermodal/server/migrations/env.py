"""How alembic runs the migrations: on the connection that `open_database` gives."""

from __future__ import annotations

from alembic import context

from intermodal.server.database import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
