"""How long a client that is away is waited for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from intermodal.wire import neighbour

__all__ = ["Leave"]


class Leave:
    """Begins now, on the running loop; at its end `over` is called, once.

    Args:
        process: the client's, as `neighbour.own_name` has it. Where it is one of this machine, its end ends the leave:
            a program that was killed does not come back.
        lease_s: seconds that it lasts at most.
    """

    def __init__(self, process: Any, lease_s: float, over: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = over
        self._timer = self._loop.call_later(lease_s, self._end)
        self._process: int | None = None
        try:
            self._process = neighbour.opened(process)
        except ProcessLookupError:
            self._loop.call_soon(self._end)
        if self._process is not None:
            self._loop.add_reader(self._process, self._end)

    def _end(self) -> None:
        if not self._timer.cancelled():
            self.cancel()
            self._over()

    def cancel(self) -> None:
        """The client is back. Idempotent."""
        self._timer.cancel()
        process, self._process = self._process, None
        if process is not None:
            self._loop.remove_reader(process)
            os.close(process)
