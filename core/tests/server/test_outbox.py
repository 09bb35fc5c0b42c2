"""What waits for a client that is slow, or stopped: bounded, marked, and given up in the end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from intermodal.server.outbox import Outbox, Stalled
from intermodal.server.telling import Telling
from intermodal.wire.frame import PIECE, FrameReader
from intermodal.wire.resumption import WINDOW


class Reader:
    """A client that reads when it is let."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.headers: list[dict[str, object]] = []
        self.messages = 0
        self._frames = FrameReader()

    async def write(self, piece: bytes | str) -> None:
        """As a WebSocket takes it."""
        await self.reads.wait()
        assert isinstance(piece, bytes)
        self.messages += 1
        self.headers += [header for header, _ in self._frames.feed(piece)]


def line(number: int) -> dict[str, object]:
    """A line of a program's output, of about 1 KiB."""
    return {"line": f"{number} " + "x" * 1000}


def test_what_is_printed_while_nobody_reads_is_left_out_and_marked() -> None:
    """So what waits is bounded; replies are not left out, and what comes when there is room again is told."""

    async def run() -> None:
        outbox, reader = Outbox(room=100_000), Reader()
        telling = Telling(outbox)
        sending = asyncio.create_task(outbox.send(reader.write))

        def chatter() -> None:
            for number in range(1000):
                telling.tell("log", [line(number)])
            outbox.put({"t": "reply", "id": 1})

        thread = threading.Thread(target=chatter)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert outbox._waiting < 110_000
        reader.reads.set()
        while outbox._waiting:
            await asyncio.sleep(0)
        telling.tell("log", [line(1000)])
        outbox.close()
        await sending
        logged = [header["records"][0]["line"].split()[0] for header in reader.headers if header.get("kind") == "log"]
        told = len(logged) - 1
        assert logged == [*map(str, range(told)), "1000"]
        assert {"t": "reply", "id": 1} in reader.headers
        (notice,) = (header for header in reader.headers if header.get("kind") == "notice")
        assert f"{1000 - told} lines and events were left out here" in notice["records"][0]["message"]
        assert reader.headers.index(notice) == len(reader.headers) - 2

    asyncio.run(run())


def test_a_connection_that_is_not_read_is_given_up() -> None:
    """What the client lacks is sent over the next one."""

    async def run() -> None:
        outbox, reader = Outbox(stalled_s=0.05), Reader()
        for number in range(10):
            outbox.put({"t": "reply", "id": number}, [bytes(1000)])
        with pytest.raises(Stalled, match=r"it has read nothing for 0\.05 s"):
            await outbox.send(reader.write)
        reader.reads.set()
        outbox.close()
        await outbox.send(reader.write)
        assert [header["id"] for header in reader.headers] == list(range(10))

    asyncio.run(run())


def test_no_more_than_a_window_is_sent_that_is_not_acknowledged() -> None:
    """So what is kept is bounded; an acknowledgement lets the rest go."""

    async def run() -> None:
        outbox, reader = Outbox(), Reader()
        reader.reads.set()
        for number in range(20):
            outbox.put({"t": "reply", "id": number}, [bytes(PIECE)])
        outbox.close()
        sending = asyncio.create_task(outbox.send(reader.write))
        received = 0
        while len(reader.headers) < 20:
            assert reader.messages - received <= WINDOW // PIECE + 10  # small messages with the headers
            received = reader.messages
            outbox.acknowledged(received)
            await asyncio.sleep(0)
        outbox.acknowledged(reader.messages)
        await sending

    asyncio.run(run())
