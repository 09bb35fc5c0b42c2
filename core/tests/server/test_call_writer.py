"""What the database refuses, for now or for good: nothing waits for ever, and memory has an end (deploy.durable)."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from intermodal.driver.keeping import DetachedCall, Kept, Output, Verdict
from intermodal.exception import InvalidError, RemoteError, ResourceExhaustedError
from intermodal.server.calls import CallRetention, Calls, CallStore, open_calls
from intermodal.server.calls.keeper import SessionKeeper
from intermodal.server.calls.request import digest_of, packed
from intermodal.server.calls.rows import Fresh, Recorded
from intermodal.server.calls.waiting import Waiting
from intermodal.server.calls.writer import CallWriter
from intermodal.specs.status import ERROR, OK
from intermodal.wire.payload import failure

LARGE = bytes(100_000)
BACKLOG = 250_000
RETENTION = CallRetention(seconds=1e9, size=1 << 40)
#: Seconds that nothing here takes.
LONG = 60.0


class Database:
    """A real one, which can be told to have no more room, or a limit to its values."""

    def __init__(self, directory: Path) -> None:
        self.store = CallStore(open_calls(directory))
        self.pages = 1 << 20
        self.longest = 1 << 30
        event.listen(self.store.database, "checkout", self._limit)

    def _limit(self, connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {self.pages}")  # never less than it has
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self.longest)


class Clients:
    """Has calls accepted, and waits for what becomes of each."""

    def __init__(self, writer: CallWriter) -> None:
        self._writer = writer

    def accept(self, *calls: Fresh) -> list[Verdict]:
        told: queue.Queue[tuple[str, Verdict]] = queue.Queue()

        def decided(verdicts: Sequence[tuple[Callable[[Verdict], None], Verdict]]) -> None:
            for then, verdict in verdicts:
                then(verdict)

        for call in calls:
            self._writer.accept(call, decided, lambda verdict, id=call.id: told.put((id, verdict)))  # type: ignore[misc]
        verdicts = dict(told.get(timeout=LONG) for _ in calls)
        return [verdicts[call.id] for call in calls]

    def all_written(self) -> None:
        self._writer.do(lambda: None).result(LONG)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path)
    yield found
    found.store.close()


@pytest.fixture
def writer(database: Database) -> Iterator[CallWriter]:
    found = CallWriter(database.store, RETENTION, Waiting(), backlog=BACKLOG)
    yield found
    database.pages = database.longest = 1 << 20
    found.close()


@pytest.fixture
def clients(writer: CallWriter) -> Clients:
    return Clients(writer)


def fresh(id: str, *inputs: bytes) -> Fresh:
    request = packed(b"", inputs)
    return Fresh(
        id=id,
        environment="main",
        app="shop",
        function="square",
        method="",
        options="",
        parent=None,
        inputs=len(inputs),
        request=request,
        digest=digest_of("shop", "square", "", "", request),
        created=1.0,
    )


def outputs(call: str, first: int, *payloads: bytes) -> Recorded:
    count = len(payloads)
    return Recorded(call, range(first, first + count), [OK] * count, payloads, 2.0)


def error_of(output: Output) -> Exception:
    assert (output.state, output.status) == ("done", ERROR)
    return failure(output.payload)


def test_a_row_that_is_refused_for_good_is_alone_in_that(
    database: Database, writer: CallWriter, clients: Clients
) -> None:
    """It is refused, or kept as failed, and says why; all beside it and after it is kept."""
    database.longest = len(LARGE)
    small, large = clients.accept(fresh("fc-a", *[b"x"] * 4), fresh("fc-b", LARGE))
    assert small == Kept(True)
    assert isinstance(large, RemoteError)
    assert "the database refuses it (string or blob too big)" in str(large)
    writer.record(outputs("fc-a", 0, b"one", LARGE, b"three"))
    writer.record(outputs("fc-unheard-of", 0, b"nobody's"))
    writer.end("fc-unheard-of")
    writer.record(outputs("fc-a", 3, b"four"))
    writer.end("fc-a")
    clients.all_written()
    found = [database.store.output("fc-a", index) for index in range(4)]
    assert [output.payload for output in found if output.status == OK] == [b"one", b"three", b"four"]
    raised = error_of(found[1])
    assert isinstance(raised, RemoteError)
    assert "string or blob too big" in str(raised)
    assert database.store.call("fc-a").state == "failed"
    assert clients.accept(fresh("fc-c", b"x")) == [Kept(True)]


def test_while_there_is_no_room_only_so_much_waits(database: Database, writer: CallWriter, clients: Clients) -> None:
    """Calls are refused, outputs wait as far as memory is meant for them and are failures beyond; then all goes on."""
    assert clients.accept(fresh("fc-a", *[b"x"] * 5)) == [Kept(True)]
    database.pages = 1
    (refused,) = clients.accept(fresh("fc-b", LARGE))
    assert isinstance(refused, ResourceExhaustedError)
    for index in range(5):
        writer.record(outputs("fc-a", index, LARGE))
    writer.end("fc-a")
    assert "no room left" in writer.refusal
    database.pages = 1 << 20
    clients.all_written()
    found = [database.store.output("fc-a", index) for index in range(5)]
    assert [output.status for output in found] == [OK, OK, ERROR, ERROR, ERROR]
    assert found[0].payload == LARGE
    raised = error_of(found[2])
    assert isinstance(raised, ResourceExhaustedError)
    assert "no room left" in str(raised)
    assert clients.accept(fresh("fc-b", LARGE)) == [Kept(True)]
    assert writer.refusal == ""


def test_what_is_too_large_to_be_kept_is_never_written(database: Database) -> None:
    """The caller of such inputs hears of it at once, and who waits for such a result gets an error for it."""
    calls = Calls(database.store, RETENTION)
    calls.open()
    try:
        asyncio.run(_keep_what_is_too_large(calls))
    finally:
        calls.close()


async def _keep_what_is_too_large(calls: Calls) -> None:
    keeper = SessionKeeper(calls, "main", largest=1000)

    async def accepted(id: str, *inputs: bytes) -> Verdict:
        verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        call = DetachedCall(id=id, app="shop", function="square", method="", parameters=b"", options="", inputs=inputs)
        keeper.accept(call, verdict.set_result)
        return await asyncio.wait_for(verdict, LONG)

    refused = await accepted("fc-a", bytes(600), bytes(600))
    assert isinstance(refused, InvalidError)
    assert "take 1,200 bytes, and 1,000 can be kept: put what is larger into a volume" in str(refused)
    assert await accepted("fc-b", b"x", b"y") == Kept(True)
    keeper.record("fc-b", [0, 1], [OK, OK], [bytes(1001), bytes(1000)])
    assert (await keeper.output("fc-b", 1, LONG)).payload == bytes(1000)
    raised = error_of(await keeper.output("fc-b", 0, LONG))
    assert isinstance(raised, InvalidError)
    assert "takes 1,001 bytes, and 1,000 can be kept" in str(raised)
