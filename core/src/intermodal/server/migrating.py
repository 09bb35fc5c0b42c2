"""Brings a store's tables up to date, one process at a time."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from intermodal.exception import ConfigError
from intermodal.plugins.holding import exclusively
from intermodal.server.postgresql import make_schema

__all__ = ["upgrade"]


def upgrade(engine: Engine, path: Path, schema: str, environment: Path, versions: Path) -> None:
    """Carry out the migrations in `versions` that are missing, all or none.

    Args:
        path: where a file of SQLite is.
        schema: where tables are in PostgreSQL.
        environment: the directory of alembic's `env.py`.

    Raises `ConfigError`: a newer Intermodal has been here.
    """
    config = Config()
    config.set_main_option("script_location", _literal(environment))
    config.set_main_option("version_locations", _literal(versions))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        if _is_current(connection, scripts):
            return
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            make_schema(connection, schema)
            _migrate(connection, config, scripts)
    else:
        with exclusively(path.with_suffix(".upgrade"), remove=True), engine.begin() as connection:
            _migrate(connection, config, scripts)


def _migrate(connection: Connection, config: Config, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    newer = set(MigrationContext.configure(connection).get_current_heads()) - known
    if newer:
        raise ConfigError(
            f"a newer version of intermodal has changed the server's database (to {', '.join(sorted(newer))}): install "
            "that one again, or bring back a copy of the database from before"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _is_current(connection: Connection, scripts: ScriptDirectory) -> bool:
    return set(MigrationContext.configure(connection).get_current_heads()) == set(scripts.get_heads())


def _literal(path: Path) -> str:
    return str(path).replace("%", "%%")
