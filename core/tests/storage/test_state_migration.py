"""A database of an earlier version is brought up to date when it is opened, with all that is in it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal.storage import Reply, RequestError, StateService
from intermodal.storage.state.schema import FILE, connect_file

VERSION_1 = """
BEGIN IMMEDIATE;
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
PRAGMA user_version = 1;
COMMIT;
"""
PUTS = st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.binary(max_size=3)), max_size=8)


def written(data_dir: Path, puts: Sequence[tuple[str, bytes]]) -> None:
    """A queue `qu-1` with these items, put in this order, and a dict `di-1`, as version 1 kept them."""
    data_dir.mkdir(exist_ok=True)
    (data_dir / FILE).unlink(missing_ok=True)
    connection = sqlite3.connect(data_dir / FILE, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.executescript(VERSION_1)
    connection.execute("INSERT INTO objects VALUES (1, 'queue', 'qu-1', 'main', 'q', 0.0)")
    connection.execute("INSERT INTO objects VALUES (2, 'dict', 'di-1', 'main', 'd', 0.0)")
    connection.execute("INSERT INTO entries VALUES (1, 2, x'6b', x'76')")
    for seq, (partition, value) in enumerate(puts, 2):
        more = "ON CONFLICT DO UPDATE SET length = length + 1"
        connection.execute(f"INSERT INTO partitions (object, name, length) VALUES (1, ?, 1) {more}", (partition,))
        (row,) = connection.execute("SELECT id FROM partitions WHERE name = ?", (partition,)).fetchone()
        connection.execute("INSERT INTO items VALUES (?, ?, ?)", (seq, row, value))
    connection.execute("UPDATE counter SET next = ?", (len(puts) + 2,))
    connection.close()


async def ask(service: StateService, method: str, *segments: bytes, **params: Any) -> Reply:
    return await service.handle(method, {"id": "qu-1", **params}, segments)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples, each of which begins a file anew."""
    return tmp_path_factory.mktemp("state")


@settings(max_examples=30, deadline=None)
@given(puts=PUTS, later=PUTS)
def test_queues_go_on_where_they_were(
    data_dir: Path, puts: list[tuple[str, bytes]], later: list[tuple[str, bytes]]
) -> None:
    """Items keep their order and their places; what was taken before can be put back, and nothing in its stead."""
    written(data_dir, puts)

    async def use() -> None:
        service = StateService(data_dir)
        for partition, value in later:
            await ask(service, "queue.put", value, partition=partition or None)
        assert (await ask(service, "queue.len", total=True)).value == len(puts) + len(later)
        for name in ("", "a", "b"):
            expected = [value for partition, value in [*puts, *later] if partition == name]
            taken = await ask(service, "queue.get", partition=name or None, n=100, block=False)
            assert list(taken.segments) == expected
            if expected:
                await ask(service, "queue.restore", *taken.segments, partition=name or None, places=taken.value)
                with pytest.raises(RequestError):
                    await ask(service, "queue.restore", b"x", partition=name or None, places=[1_000])
                again = await ask(service, "queue.get", partition=name or None, n=100, block=False)
                assert (again.value, again.segments) == (taken.value, taken.segments)
        assert (await service.handle("dict.get", {"id": "di-1"}, (b"k",))).segments == (b"v",)
        await service.close()

    asyncio.run(use())


def test_a_program_of_the_earlier_version_fails_rather_than_writes(data_dir: Path) -> None:
    """One that had the file open: what it wants to write to is not there."""
    written(data_dir, [("", b"1")])
    earlier = sqlite3.connect(data_dir / FILE, isolation_level=None)
    earlier.execute("SELECT seq FROM items").fetchall()
    connect_file(data_dir / FILE).close()
    for statement in ("INSERT INTO items VALUES (9, 1, x'')", "UPDATE partitions SET length = 2"):
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            earlier.execute(statement)
    earlier.close()


def test_a_migration_that_is_cut_short_changes_nothing(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try finds the file as it was."""
    written(data_dir, [("a", b"1")])
    with monkeypatch.context() as patch:
        from intermodal.storage.state import schema

        patch.setitem(schema._MIGRATIONS, 1, f"{schema._MIGRATIONS[1]} INSERT INTO nowhere VALUES (1);")
        with pytest.raises(RequestError, match="cannot be opened"):
            connect_file(data_dir / FILE)
    connection = connect_file(data_dir / FILE)
    assert connection.execute("SELECT value FROM queue_items").fetchall() == [(b"1",)]
    connection.close()
