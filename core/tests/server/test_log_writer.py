"""The thread that keeps lines (log.lines)."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from intermodal.plugins import LogLine
from intermodal.server.logs import LogStore, LogWriter, Retention, open_logs
from intermodal.server.logs.records import LogQuery
from postgres_server import PostgresServer

LINE = LogLine(app="shop", function="sell", container="c-1", stream=1, text="", at=0.0)
MAIN = LogQuery(environment="main", app="shop")
FOR_EVER = Retention(float("inf"), 1 << 40)


def test_what_was_put_is_there_when_it_is_closed(tmp_path: Path, database_url: str) -> None:
    """In order, from several threads; each app is named to who waits for it."""
    store = LogStore(open_logs(tmp_path, database_url))
    named: set[tuple[str, str]] = set()
    writer = LogWriter(store, FOR_EVER, named.update)

    def put(name: str) -> None:
        for number in range(200):
            writer.put("main", [replace(LINE, app=name, text=str(number))])

    threads = [threading.Thread(target=put, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    writer.put("main", [LINE])
    for name in "abc":
        lines = store.tail(replace(MAIN, app=name), 1000).lines
        assert [line.text for line in lines] == [str(number) for number in range(200)]
    assert named == {("main", "a"), ("main", "b"), ("main", "c")}
    assert store.tail(MAIN, 1).lines == []
    store.close()


def test_what_a_full_disk_refuses_is_counted_in_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And lines are kept again as soon as there is room."""
    database = open_logs(tmp_path)
    database.dispose()
    room = [40]
    event.listen(database, "checkout", lambda made, *_: made.execute(f"PRAGMA max_page_count = {room[0]}"))
    store = LogStore(database)
    wrote = threading.Semaphore(0)
    writer = LogWriter(store, FOR_EVER, lambda _: wrote.release())
    writer.put("main", [replace(LINE, text="first")])
    assert wrote.acquire(timeout=60)
    writer.put("main", [replace(LINE, text="x" * 1_000_000)] * 3)
    writer.settle()
    room[0] = 1 << 20
    writer.put("main", [replace(LINE, text="last")])
    writer.close()
    assert [line.text for line in store.tail(MAIN, 10).lines] == [
        "first",
        "[3 lines of output could not be kept here]",
        "last",
    ]
    assert "there is no room left for the database" in caplog.text
    store.close()


def test_lines_of_a_time_without_database_are_counted_in_their_place(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """And lines are kept again as soon as it answers."""
    with postgres_server.database() as url:
        store = LogStore(open_logs(tmp_path, url))
        writer = LogWriter(store, FOR_EVER, lambda _: None)
        writer.put("main", [replace(LINE, text="first")])
        writer.settle()
        with postgres_server.out_of_reach(url):
            writer.put("main", [LINE] * 7)
            writer.settle()
        writer.put("main", [replace(LINE, text="last")])
        writer.close()
        texts = [line.text for line in store.tail(MAIN, 10).lines]
        assert texts == ["first", "[7 lines of output could not be kept here]", "last"]
        store.close()
