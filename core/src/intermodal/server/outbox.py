"""What is to be sent to one client: put by any thread, sent by the server's event loop.

A client may be slow, or stopped, or away. What it asked for waits: results come no faster than it grants and asks. What
the app prints does not: it is left out, and marked, where too much waits already. What was sent is kept until the
client says that it has it, and sent again where the connection broke before.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeAlias

from intermodal.wire.frame import Buffer, encode, pieces
from intermodal.wire.resumption import Sent, acknowledgement

__all__ = ["Outbox", "Stalled", "Write"]

#: Bytes that may wait before what can be left out is.
ROOM = 16 << 20
#: Seconds in which a client must take the next piece.
STALLED_S = 60.0

#: Sends a piece of a frame, or a text.
Write: TypeAlias = Callable[[bytes | str], Awaitable[None]]


class Stalled(Exception):
    """The client has read nothing for too long."""


class Outbox:
    """Frames on their way. `put` and `offer` never wait; what is put after `close` is dropped.

    Args:
        room: bytes that may wait before offers are refused.
        stalled_s: seconds that the client may take for one piece.
    """

    def __init__(self, room: int = ROOM, stalled_s: float = STALLED_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._room, self._stalled_s = room, stalled_s
        self._frames: deque[list[Buffer]] = deque()
        self._pieces: Iterator[bytes] = iter(())  # what is left of the frame that is being sent
        self._size = 0  # of that frame
        self._sent = Sent()
        self._owed: int | None = None  # what is to be acknowledged
        self._changed = asyncio.Event()
        self._gate = threading.Lock()  # guards what waits
        self._waiting = 0
        self.closed = False  #: nothing more is put

    def put(self, header: dict[str, Any], segments: Sequence[Buffer] = ()) -> None:
        """Send a frame. From any thread."""
        if self.closed:
            return
        frame = encode(header, segments)
        with self._gate:
            self._frames.append(frame)
            self._waiting += _size(frame)
        try:
            self._loop.call_soon_threadsafe(self._changed.set)
        except RuntimeError:  # the server has ended
            self.closed = True

    def offer(self, header: dict[str, Any]) -> bool:
        """Send a frame that can be left out; False where there is no room for it. From any thread."""
        if self._waiting > self._room:
            return False
        self.put(header)
        return True

    def acknowledge(self, received: int) -> None:
        """Tell the client that so many of its messages have come. On the loop, as all that follows."""
        self._owed = received
        self._changed.set()

    def acknowledged(self, received: int) -> None:
        """The client has received so many messages. Raises `FrameError`: it cannot have."""
        self._sent.acknowledge(received)
        self._changed.set()

    def close(self) -> None:
        """`send` returns when what was put is sent. From any thread."""
        self.closed = True
        self._loop.call_soon_threadsafe(self._changed.set)

    async def send(self, write: Write) -> None:
        """Write what the client may lack, and what is put, in order, until this is closed: one of these for each
        connection. Where it is cancelled, or `write` raises, the next one goes on. Raises `Stalled`."""
        for piece in self._sent.kept:
            await self._write(write, piece)
        while True:
            self._changed.clear()
            while (message := self._next()) is not None:
                await self._write(write, message)
            if self.closed and self._sent.room:
                return
            await self._changed.wait()

    def _next(self) -> bytes | str | None:
        """What is to be written now, and kept where it is a piece."""
        if self._owed is not None:
            owed, self._owed = self._owed, None
            return acknowledgement(owed)
        if not self._sent.room:
            return None
        piece = next(self._pieces, None)
        if piece is None:
            with self._gate:
                self._waiting -= self._size
                self._size = 0
                frame = self._frames.popleft() if self._frames else None
            if frame is None:
                return None
            self._pieces, self._size = pieces(frame), _size(frame)
            piece = next(self._pieces)
        self._sent.keep(piece)
        return piece

    async def _write(self, write: Write, message: bytes | str) -> None:
        try:
            async with asyncio.timeout(self._stalled_s):
                await write(message)
        except TimeoutError:
            raise Stalled(f"it has read nothing for {self._stalled_s:g} s") from None


def _size(frame: Sequence[Buffer]) -> int:
    return sum(map(len, frame))
