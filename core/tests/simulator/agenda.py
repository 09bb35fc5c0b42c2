"""Virtual time: what will happen, in order. Equal times keep the order in which they were written down."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

__all__ = ["Agenda"]


class Agenda:
    """A heap of actions. `now` is the world's one true time, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._serial = 0

    def after(self, delay: float, action: Callable[..., Any], *args: Any) -> None:
        """Do something `delay` seconds from now."""
        self._serial += 1
        heapq.heappush(self._heap, (self.now + delay, self._serial, action, args))

    def next(self) -> float | None:
        """When the next action is due."""
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Do the next action."""
        _, _, action, args = heapq.heappop(self._heap)
        action(*args)
