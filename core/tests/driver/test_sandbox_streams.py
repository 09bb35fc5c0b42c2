"""Streams of processes in sandboxes: every byte, in order, within bounds, for any number of readers (sandbox.exec)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.driver.sandboxes.spool import Spool
from intermodal.driver.sandboxes.streams import KEPT, UNREAD, Stream
from intermodal.exception import OutputExpiredError

PATIENCE_S = 60.0
T = TypeVar("T")


def on_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a test's coroutine, within limits."""
    return asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


async def whole(stream: Stream, offset: int = 0, limit: int = 1 << 16) -> bytes:
    """What a reader gets until the end."""
    pieces = []
    while data := await stream.read(offset, limit):
        pieces.append(data)
        offset += len(data)
    return b"".join(pieces)


async def feeding(stream: Stream, pieces: list[bytes]) -> None:
    """A process that writes these as it may, and ends."""
    for piece in pieces:
        stream.feed(piece)
        await stream.room()
    stream.end()


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50), st.booleans(), st.booleans())
def test_each_reader_gets_every_byte_in_order(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], limit: int, patient: bool, settled: bool
) -> None:
    """However it was cut, from memory or from the file, also after the end."""
    spool = Spool(tmp_path_factory.mktemp("spool") / "out")

    async def work() -> None:
        stream = Stream(spool, patient=patient)
        first, _ = await asyncio.gather(whole(stream, limit=limit), feeding(stream, pieces))
        if settled:
            stream.settle()
            spool.close()
        assert first == await whole(stream) == b"".join(pieces)

    on_loop(work)


def test_a_process_whose_output_nobody_reads_is_held_back(tmp_path: Path) -> None:
    """Until somebody reads: memory is bounded, nothing goes to the disk."""

    async def work() -> None:
        spool = tmp_path / "out"
        stream = Stream(Spool(spool))
        chunk = bytes(UNREAD // 4)
        feeder = asyncio.ensure_future(feeding(stream, [chunk] * 100))
        offset = 0
        while data := await stream.read(offset, 1 << 16):
            offset += len(data)
            held = sum(len(piece.data) for piece in stream._pieces if piece.data)
            assert held <= UNREAD + KEPT + 2 * len(chunk)
        await feeder
        assert offset == 100 * len(chunk)
        assert not spool.exists()

    on_loop(work)


def test_who_waits_for_the_end_holds_nothing_back(tmp_path: Path) -> None:
    """What does not fit goes to the file: a program that waits before it reads does not wait for ever."""

    async def work() -> None:
        spool = Spool(tmp_path / "out")
        stream = Stream(spool)
        pieces = [bytes([n]) * (UNREAD // 4) for n in range(20)]
        feeder = asyncio.ensure_future(feeding(stream, pieces))
        await asyncio.sleep(0)
        stream.be_patient()
        await feeder
        stream.settle()
        spool.close()
        assert await whole(stream, limit=1 << 20) == b"".join(pieces)

    on_loop(work)


def test_what_was_read_long_ago_is_not_kept(tmp_path: Path) -> None:
    """A second reader of a long output is told, one of a short output reads it all."""

    async def work() -> None:
        stream = Stream(Spool(tmp_path / "out"))
        await _together(feeding(stream, [bytes(1 << 16)] * 100), whole(stream))
        with pytest.raises(OutputExpiredError, match="are not kept any more"):
            await stream.read(0, 10)
        assert len(await stream.read(100 * (1 << 16) - 5, 10)) == 5

    on_loop(work)


async def _together(*work: Awaitable[Any]) -> None:
    await asyncio.gather(*work)
