"""Ends of versions that could not be written down when they came: they are as soon as the database takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

__all__ = ["LateChanges"]


class LateChanges:
    """Writes in their order. One call at a time; `write` and `flush` block."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def write(self, change: Callable[[], None]) -> None:
        """Do it, after what waits. Raises what that raises; then it has not been done."""
        self.flush()
        change()

    def keep(self, change: Callable[[], None]) -> None:
        """To be done later."""
        self._waiting.append(change)

    def flush(self) -> None:
        """Do what waits. Raises what that raises; then the rest waits on."""
        while self._waiting:
            self._waiting[0]()
            self._waiting.popleft()
