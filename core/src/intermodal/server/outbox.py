"""What is to be sent to one client: put by any thread, sent by the server's event loop.

A client may be slow, or stopped. What it asked for waits: results come no faster than it grants and asks. What the app
prints does not: it is left out, and marked, where too much waits already.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from intermodal.wire.frame import Buffer, encode, pieces

__all__ = ["Outbox", "Stalled"]

#: Bytes that may wait before what can be left out is.
ROOM = 16 << 20
#: Seconds in which a client must take the next piece.
STALLED_S = 60.0


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
        self._changed = asyncio.Event()
        self._gate = threading.Lock()  # guards what waits
        self._waiting = 0
        self.closed = False  #: nothing more is sent

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

    def close(self) -> None:
        """`send` returns when what was put is sent. From any thread."""
        self.closed = True
        self._loop.call_soon_threadsafe(self._changed.set)

    async def send(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Write what is put, in order, until it is closed. Raises `Stalled`; then what waits is gone."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._frames:
                frame = self._frames.popleft()
                for piece in pieces(frame):
                    await self._write(write, piece)
                with self._gate:
                    self._waiting -= _size(frame)
            if self.closed:
                return

    async def _write(self, write: Callable[[bytes], Awaitable[None]], piece: bytes) -> None:
        try:
            await asyncio.wait_for(write(piece), self._stalled_s)
        except TimeoutError:
            self.closed = True
            self._frames.clear()
            raise Stalled(f"it has read nothing for {self._stalled_s:g} s") from None


def _size(frame: Sequence[Buffer]) -> int:
    return sum(map(len, frame))
