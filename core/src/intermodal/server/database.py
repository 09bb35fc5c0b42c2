"""The server's databases: SQLite files of the data directory, or schemas of one database of PostgreSQL. Opening one
brings it up to date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Float, Integer, MetaData, Table

from intermodal.server.migrating import upgrade
from intermodal.server.portable import Name, Words
from intermodal.server.postgresql import postgresql_engine, postgresql_url
from intermodal.server.sqlite import sqlite_engine

__all__ = ["ENVIRONMENTS", "SCHEDULES", "SCHEDULE_RUNS", "TOKENS", "VERSIONS", "open_database", "open_file"]

_MIGRATIONS = Path(__file__).parent / "migrations"
METADATA = MetaData()

#: Who may connect. `digest` is the SHA-256 of a token, in hex: the token itself is nowhere. Times in Unix seconds.
TOKENS = Table(
    "tokens",
    METADATA,
    Column("name", Name, primary_key=True),
    Column("digest", Name, nullable=False, unique=True),
    Column("created", Float, nullable=False),
)

#: Environments beside the one that is configured. Times in Unix seconds.
ENVIRONMENTS = Table(
    "environments",
    METADATA,
    Column("name", Name, primary_key=True),
    Column("description", Words, nullable=False),
    Column("created", Float, nullable=False),
)

#: Deployed versions of apps, numbered from 1 within each app. `package` is what to run, as JSON (`Package`), with its
#: secret values sealed; `warm`: it has containers also while nobody calls; `copy_of`: the version that a rollback
#: copied to make it. Times in Unix seconds.
VERSIONS = Table(
    "versions",
    METADATA,
    Column("environment", Name, primary_key=True),
    Column("app", Name, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Name, nullable=False),
    Column("package", Words, nullable=False),
    Column("warm", Integer, nullable=False),
    Column("client", Words, nullable=False),
    Column("tag", Words, nullable=False),
    Column("author", Words, nullable=False),
    Column("created", Float, nullable=False),
    Column("changed", Float, nullable=False),
    Column("error", Words, nullable=False),
    Column("copy_of", Integer),
)

#: Of functions of live versions. `spec` is when each runs, as JSON; `since`: periods are counted from then; `seen`:
#: slots up to then are seen to. Times in Unix seconds.
SCHEDULES = Table(
    "schedules",
    METADATA,
    Column("environment", Name, primary_key=True),
    Column("app", Name, primary_key=True),
    Column("function", Name, primary_key=True),
    Column("spec", Words, nullable=False),
    Column("since", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("paused", Integer, nullable=False),
)

#: Runs of schedules: the key is what lets each slot run once. `call` is the id of the function call.
SCHEDULE_RUNS = Table(
    "schedule_runs",
    METADATA,
    Column("environment", Name, primary_key=True),
    Column("app", Name, primary_key=True),
    Column("function", Name, primary_key=True),
    Column("slot", Float(53), primary_key=True),
    Column("call", Name, nullable=False, unique=True),
    Column("state", Name, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("started", Float, nullable=False),
    Column("ended", Float),
    Column("error", Words, nullable=False),
)


def open_database(data_dir: Path, url: str = "") -> Engine:
    """The database of a data directory, made where there is none. Raises as `open_file`."""
    return open_file(data_dir / "server.db", _MIGRATIONS / "versions", url=url)


def open_file(
    path: Path,
    versions: Path,
    prepare: Callable[[Any], None] | None = None,
    *,
    url: str = "",
    relaxed: bool = False,
) -> Engine:
    """A store, made where there is none, brought up to date by the migrations in `versions`.

    Args:
        path: its SQLite file; in PostgreSQL, `NAME.db` is the schema `intermodal_NAME`.
        prepare: called with each new connection of SQLite's driver, before anything else is done with it.
        url: the setting `database_url`; empty: SQLite.
        relaxed: the last transactions before a power failure may be missing.

    Raises:
        ConfigError: the URL cannot be used, or a newer Intermodal made the store.
        RemoteError, ResourceExhaustedError: the database cannot be used for now; it says why.
        OSError: the directory is no use.
    """
    schema = f"intermodal_{path.stem}"
    if url:
        engine = postgresql_engine(postgresql_url(url), schema, relaxed=relaxed)
    else:
        engine = sqlite_engine(path, prepare, relaxed=relaxed)
    try:
        upgrade(engine, path, schema, _MIGRATIONS, versions)
    except BaseException:
        engine.dispose()
        raise
    return engine
