"""The one SQLite database of queues and dicts: opening it, and its tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from intermodal.storage.state.requests import RequestError

__all__ = ["FILE", "connect_file", "connect_memory"]

FILE = "state.sqlite"  #: in the data directory

_VERSION = 2
_BUSY_S = 30.0  # engines exclude each other by a lock of ours; this is for other programs that look into the file

#: `next`: the number of the partition's next item, larger than any it has given. An item is one row of one tree, so
#: that a put changes two pages.
_QUEUES = """
CREATE TABLE queue_partitions (
    id INTEGER PRIMARY KEY,
    object INTEGER NOT NULL,
    name TEXT NOT NULL,
    next INTEGER NOT NULL,
    length INTEGER NOT NULL,
    UNIQUE (object, name)
);
CREATE TABLE queue_items (
    partition INTEGER NOT NULL,
    number INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (partition, number)
) WITHOUT ROWID;
"""
#: `counter` is above all numbers of entries, and of items of partitions that are no more.
_TABLES = f"""
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
{_QUEUES}CREATE TABLE entries (
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


#: From each earlier version to the next. Tables get other names, so that a program of the earlier version that has the
#: file open fails instead of writing what nobody reads.
_MIGRATIONS = {
    1: f"""
    {_QUEUES}
    INSERT INTO queue_partitions SELECT id, object, name, (SELECT next FROM counter), length FROM partitions;
    INSERT INTO queue_items SELECT partition, seq, value FROM items;
    DROP TABLE items;
    DROP TABLE partitions;
    """
}


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
    if version not in (0, *_MIGRATIONS, _VERSION):
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
    for earlier in range(version, _VERSION) if version else ():
        _advance(connection, _MIGRATIONS[earlier], earlier + 1)


def _create(connection: sqlite3.Connection) -> None:
    _advance(connection, _TABLES, _VERSION)


def _advance(connection: sqlite3.Connection, statements: str, version: int) -> None:
    """All of it or nothing, also where this process is killed amid it."""
    connection.executescript(f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {version}; COMMIT;")
