"""What is written to a descriptor at one end of a relay comes out at the other, all of it, whoever is slow."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal_docker.inside.relay import PipeWire, Relay

SECONDS = 60.0
BIG = 3 << 20  # more than may be on its way


@dataclass
class End:
    """One end, and what it has heard."""

    relay: Relay
    heard: list[tuple[object, list[int]]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        """Keep what comes."""
        self.relay.listen(self._hear, self.over.set)

    def _hear(self, message: object, fds: list[int]) -> None:
        self.heard.append((message, fds))
        self.news.set()

    async def message(self) -> tuple[object, list[int]]:
        """The next one."""
        while not self.heard:
            self.news.clear()
            await self.news.wait()
        return self.heard.pop(0)


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[tuple[End, End]]:
    """Two ends of a narrow stream."""
    loop = asyncio.get_running_loop()
    ends = []
    async with asyncio.timeout(SECONDS):
        for number, sock in enumerate(socket.socketpair()):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            sock.setblocking(False)
            ends.append(End(Relay(loop, PipeWire(os.dup(sock.fileno()), sock.detach()), number)))
        for end in ends:
            end.listen()
        try:
            yield ends[0], ends[1]
        finally:
            for end in ends:
                end.relay.close()


async def write(fd: int, data: bytes, piece: int) -> None:
    """In pieces, in a thread; then close it."""

    def work() -> None:
        os.set_blocking(fd, True)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view[:piece]) :]
        os.close(fd)

    await asyncio.to_thread(work)


async def read(fd: int, piece: int) -> bytes:
    """All, in pieces, in a thread; then close it."""

    def work() -> bytes:
        os.set_blocking(fd, True)
        found = bytearray()
        while data := os.read(fd, piece):
            found += data
        os.close(fd)
        return bytes(found)

    return await asyncio.to_thread(work)


channels = st.lists(
    st.tuples(st.booleans(), st.integers(0, BIG), st.integers(1000, 1 << 17), st.integers(1000, 1 << 17)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=15, deadline=None)
@given(channels)
def test_all_bytes_of_all_pipes_come_through(made: list[tuple[bool, int, int, int]]) -> None:
    """In both directions at once."""

    async def story() -> None:
        async with pair() as (left, right):
            work = []
            for number, (outward, size, wrote, reads) in enumerate(made):
                near, far = os.pipe()
                mine, given = (far, near) if outward else (near, far)
                left.relay.tell({"t": "take", "n": number}, [given])
                os.close(given)
                message, (theirs,) = await right.message()
                assert message == {"t": "take", "n": number}
                data = os.urandom(size)
                source, target = (mine, theirs) if outward else (theirs, mine)
                work.append((data, write(source, data, wrote), read(target, reads)))
            found = await asyncio.gather(*(each for _, *both in work for each in both))
            assert found[1::2] == [data for data, *_ in work]

    asyncio.run(story())


def test_a_socket_is_carried_in_both_directions_and_its_ends_are_told_apart() -> None:
    """One half may end while the other goes on."""

    async def story() -> None:
        async with pair() as (left, right):
            near, given = socket.socketpair()
            left.relay.tell({"t": "take"}, [given.fileno()])
            given.close()
            far = socket.socket(fileno=(await right.message())[1][0])
            with near, far:
                near.shutdown(socket.SHUT_WR)
                assert await asyncio.to_thread(far.recv, 10) == b""
                far.sendall(b"still")
                assert await asyncio.to_thread(near.recv, 10) == b"still"

    asyncio.run(story())


def test_one_slow_reader_holds_up_nobody_else() -> None:
    """What nobody reads fills its own window only."""

    async def story() -> None:
        async with pair() as (left, right):
            stuck, quick = os.pipe(), os.pipe()
            left.relay.tell({"t": "take"}, [stuck[0], quick[0]])
            os.close(stuck[0])
            os.close(quick[0])
            unread, other = (await right.message())[1]
            filling = asyncio.create_task(write(stuck[1], b"x" * BIG, 1 << 16))
            data = os.urandom(BIG)
            _, found = await asyncio.gather(write(quick[1], data, 1 << 16), read(other, 1 << 16))
            assert found == data
            assert not filling.done()
            assert len(await read(unread, 1 << 16)) == BIG
            await filling

    asyncio.run(story())


def test_a_writer_hears_that_nobody_reads_any_more() -> None:
    """As with a pipe."""

    async def story() -> None:
        async with pair() as (left, right):
            near, given = os.pipe()
            left.relay.tell({"t": "take"}, [near])
            os.close(near)
            os.close((await right.message())[1][0])
            with pytest.raises(BrokenPipeError):
                await write(given, b"x" * BIG, 1000)
            os.close(given)

    asyncio.run(story())


def test_the_end_of_the_stream_is_the_end_of_all() -> None:
    """Data that has come is still read."""

    async def story() -> None:
        async with pair() as (left, right):
            near, given = os.pipe()
            left.relay.tell({"t": "take"}, [given])
            os.close(given)
            far = (await right.message())[1][0]
            os.write(far, b"last words")
            assert await asyncio.to_thread(os.read, near, 5) == b"last "
            right.relay.close()
            await left.over.wait()
            assert await read(near, 10) == b"words"
            os.close(far)

    asyncio.run(story())


def test_nonsense_is_the_end() -> None:
    """An end that is not ours is not listened to."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        end = End(Relay(loop, PipeWire(os.dup(ours.fileno()), ours.detach()), 0))
        end.listen()
        with theirs:
            theirs.sendall(b"\x00\x00\x00\x00\x00\x00\x00\x00\x04oops")
            async with asyncio.timeout(SECONDS):
                await end.over.wait()

    asyncio.run(story())


async def write_for_ever(fd: int) -> None:
    """Until it has hung up."""
    while True:
        os.write(fd, b".")
        await asyncio.sleep(0)


def test_a_terminal_gets_its_size_and_hangs_up_with_its_user() -> None:
    """Who has only its stream sets rows and columns by number, and its programs hear of the end."""

    async def story() -> None:
        async with pair() as (left, right):
            master, slave = os.openpty()
            right.relay.tell({"t": "terminal", "n": 7, "fds": 1}, [master])
            os.close(master)
            stream = (await left.message())[1][0]
            left.relay.resize(7, 33, 77)
            left.relay.tell({"t": "after"})
            await right.message()
            assert os.get_terminal_size(slave) == (77, 33)
            os.write(slave, b"shown")
            assert await asyncio.to_thread(os.read, stream, 10) == b"shown"
            os.close(stream)
            left.relay.tell({"t": "after"})
            await right.message()
            with pytest.raises(OSError, match="Input/output error"):
                await write_for_ever(slave)
            os.close(slave)

    asyncio.run(story())
