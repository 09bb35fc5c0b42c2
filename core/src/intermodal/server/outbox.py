"""What is to be sent to one client: put by any thread, sent by the server's event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from intermodal.wire.frame import Buffer, encode, pieces

__all__ = ["Outbox"]


class Outbox:
    """Frames on their way. `put` never waits; what is put after `close` is dropped."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._frames: deque[list[Buffer]] = deque()
        self._changed = asyncio.Event()
        self.closed = False  #: nothing more is sent

    def put(self, header: dict[str, Any], segments: Sequence[Buffer] = ()) -> None:
        """Send a frame. From any thread."""
        if self.closed:
            return
        self._frames.append(encode(header, segments))
        try:
            self._loop.call_soon_threadsafe(self._changed.set)
        except RuntimeError:  # the server has ended
            self.closed = True

    def close(self) -> None:
        """`send` returns when what was put is sent. From any thread."""
        self.closed = True
        self._loop.call_soon_threadsafe(self._changed.set)

    async def send(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Write what is put, in order, until it is closed."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._frames:
                for piece in pieces(self._frames.popleft()):
                    await write(piece)
            if self.closed:
                return
