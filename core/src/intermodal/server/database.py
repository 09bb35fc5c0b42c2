"""The server's database: SQLite in the data directory. Opening it brings its schema up to date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Column, Engine, Float, Integer, MetaData, String, Table, Text, create_engine, event

__all__ = ["ENVIRONMENTS", "SCHEDULES", "SCHEDULE_RUNS", "TOKENS", "VERSIONS", "open_database", "open_file"]

_MIGRATIONS = Path(__file__).parent / "migrations"
METADATA = MetaData()

#: Who may connect. `digest` is the SHA-256 of a token, in hex: the token itself is nowhere. Times in Unix seconds.
TOKENS = Table(
    "tokens",
    METADATA,
    Column("name", String, primary_key=True),
    Column("digest", String, nullable=False, unique=True),
    Column("created", Float, nullable=False),
)

#: Environments beside the one that is configured. Times in Unix seconds.
ENVIRONMENTS = Table(
    "environments",
    METADATA,
    Column("name", String, primary_key=True),
    Column("description", Text, nullable=False),
    Column("created", Float, nullable=False),
)

#: Deployed versions of apps, numbered from 1 within each app. `package` is what to run, as JSON (`Package`), with its
#: secret values sealed; `warm`: it has containers also while nobody calls. Times in Unix seconds.
VERSIONS = Table(
    "versions",
    METADATA,
    Column("environment", String, primary_key=True),
    Column("app", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String, nullable=False),
    Column("package", Text, nullable=False),
    Column("warm", Integer, nullable=False),
    Column("client", String, nullable=False),
    Column("tag", String, nullable=False),
    Column("author", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("changed", Float, nullable=False),
    Column("error", Text, nullable=False),
)

#: Of functions of live versions. `spec` is when each runs, as JSON; `since`: periods are counted from then; `seen`:
#: slots up to then are seen to. Times in Unix seconds.
SCHEDULES = Table(
    "schedules",
    METADATA,
    Column("environment", String, primary_key=True),
    Column("app", String, primary_key=True),
    Column("function", String, primary_key=True),
    Column("spec", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("paused", Integer, nullable=False),
)

#: Runs of schedules: the key is what lets each slot run once. `call` is the id of the function call.
SCHEDULE_RUNS = Table(
    "schedule_runs",
    METADATA,
    Column("environment", String, primary_key=True),
    Column("app", String, primary_key=True),
    Column("function", String, primary_key=True),
    Column("slot", Float(53), primary_key=True),
    Column("call", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("started", Float, nullable=False),
    Column("ended", Float),
    Column("error", Text, nullable=False),
)


def open_database(data_dir: Path) -> Engine:
    """The database of a data directory, made where there is none. Raises `OSError`, `sqlalchemy.exc.DatabaseError`."""
    return open_file(data_dir / "server.db", _MIGRATIONS / "versions")


def open_file(path: Path, versions: Path, prepare: Callable[[Any], None] | None = None) -> Engine:
    """An SQLite database, made where there is none, brought up to date by the migrations in `versions`.

    Args:
        prepare: called with each new connection of the driver, before anything else is done with it.

    Raises `OSError`, `sqlalchemy.exc.DatabaseError`.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}")
    if prepare is not None:
        event.listen(engine, "connect", lambda connection, _: prepare(connection))
    event.listen(engine, "connect", _prepare)
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 10000")
