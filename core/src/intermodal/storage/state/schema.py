"""The one SQLite database of queues and dicts: opening it, and its tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from intermodal.storage.state.requests import RequestError

__all__ = ["FILE", "connect_file", "connect_memory"]

FILE = "state.sqlite"  #: in the data directory

_VERSION = 1
_BUSY_S = 30.0  # engines exclude each other by a lock of ours; this is for other programs that look into the file

_TABLES = """
CREATE TABLE counter (next INTEGER NOT NULL);
INSERT INTO counter VALUES (1);
CREATE TABLE objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    token TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    name TEXT,
    created REAL NOT NULL,
    UNIQUE (kind, environment, name)
);
CREATE TABLE partitions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    object INTEGER NOT NULL,
    name TEXT NOT NULL,
    length INTEGER NOT NULL,
    UNIQUE (object, name)
);
CREATE TABLE items (seq INTEGER PRIMARY KEY, partition INTEGER NOT NULL, value BLOB NOT NULL);
CREATE INDEX items_of_partition ON items (partition);
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    object INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (object, key)
);
CREATE INDEX entries_in_order ON entries (object);
CREATE TABLE waiting (
    object TEXT NOT NULL,
    partition TEXT NOT NULL,
    want TEXT NOT NULL,
    process TEXT NOT NULL,
    woken INTEGER NOT NULL,
    PRIMARY KEY (object, partition, want, process)
) WITHOUT ROWID;
CREATE INDEX waiting_of_process ON waiting (process);
"""


def connect_memory() -> sqlite3.Connection:
    """A database that dies with this process."""
    connection = _connect(":memory:")
    _create(connection)
    return connection


def connect_file(path: Path) -> sqlite3.Connection:
    """Open or create the database. The caller excludes other engines meanwhile.

    A commit survives the death of any process; after a power failure the last few may be missing, never a part of one.
    """
    try:
        connection = _connect(str(path))
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection
    except sqlite3.Error as error:
        raise RequestError(
            "BackendError",
            f"the queues and dicts in {path} cannot be opened: {error}. Check the disk and the permissions; to "
            "start anew, move the file away",
        ) from None


def _connect(target: str) -> sqlite3.Connection:
    return sqlite3.connect(
        target, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        raise RequestError(
            "VersionError",
            f"{path} has schema {version}; this Intermodal knows {_VERSION}: upgrade intermodal, or set "
            "INTERMODAL_DATA_DIR to another directory",
        )
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0").fetchone()  # `Checkpoints` do it
    if version == 0:
        _create(connection)


def _create(connection: sqlite3.Connection) -> None:
    connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
