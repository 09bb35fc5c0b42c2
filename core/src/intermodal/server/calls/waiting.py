"""Who waits for outputs, on whatever loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TypeAlias

__all__ = ["Waiting"]

_Waiter: TypeAlias = tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]


class Waiting:
    """By call. From any thread."""

    def __init__(self) -> None:
        self._waiters: dict[str, set[_Waiter]] = {}
        self._gate = threading.Lock()

    def begin(self, call: str) -> asyncio.Future[None]:
        """Done at the call's next change from now on: look after this, then await it. On a loop; then `end`."""
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        with self._gate:
            self._waiters.setdefault(call, set()).add((loop, waiter))
        return waiter

    def end(self, call: str, waiter: asyncio.Future[None]) -> None:
        """Nobody awaits it any more."""
        with self._gate:
            waiters = self._waiters.get(call)
            if waiters is not None:
                waiters.discard((waiter.get_loop(), waiter))
                if not waiters:
                    del self._waiters[call]

    def changed(self, calls: Iterable[str]) -> None:
        """Outputs of these are there."""
        with self._gate:
            woken = [waiter for call in calls for waiter in self._waiters.pop(call, ())]
        for loop, waiter in woken:
            with suppress(RuntimeError):  # that loop has ended
                loop.call_soon_threadsafe(_wake, waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
