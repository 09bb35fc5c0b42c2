"""One heap of deadlines. Entries that no longer hold are dropped when they come up, so moving a deadline costs
nothing."""

from __future__ import annotations

import heapq

from intermodal.engine.model import SLEEPING, Container, Input, Pool, Sandbox

__all__ = ["Timers"]

Target = Container | Pool | Input | Sandbox
_NEVER = float("inf")


class Timers:
    """Each container, pool and sandbox has at most one valid entry: its `wake_at`. A sleeping input has one until it
    wakes."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Target]] = []
        self._serial = 0
        #: nothing is due before; it may be that of an entry that no longer holds
        self.soonest = _NEVER

    def wake(self, target: Container | Pool | Sandbox, when: float) -> None:
        """Look at `target` at `when`, unless it is looked at earlier anyway."""
        if target.wake_at is None or when < target.wake_at:
            target.wake_at = when
            self._push(when, target)

    def sleep(self, item: Input, when: float) -> None:
        """Wake the input at `when`, and not when it was to wake before; it must be marked SLEEPING."""
        item.more().wake_at = when
        self._push(when, item)

    def next(self) -> float | None:
        """When something has to be looked at next."""
        while self._heap and self._stale(self._heap[0]):
            heapq.heappop(self._heap)
        if not self._heap:
            self.soonest = _NEVER
            return None
        self.soonest = self._heap[0][0]
        return self.soonest

    def due(self, now: float) -> list[Target]:
        """Take what has come up, in order of time."""
        found: list[Target] = []
        while (when := self.next()) is not None and when <= now:
            target = heapq.heappop(self._heap)[2]
            if isinstance(target, Input):
                target.more().wake_at = None
            else:
                target.wake_at = None
            found.append(target)
        return found

    def _push(self, when: float, target: Target) -> None:
        self._serial += 1
        heapq.heappush(self._heap, (when, self._serial, target))
        if when < self.soonest:
            self.soonest = when

    @staticmethod
    def _stale(entry: tuple[float, int, Target]) -> bool:
        target = entry[2]
        if isinstance(target, Input):
            return target.attempt != SLEEPING or target.more().wake_at != entry[0]
        return target.wake_at != entry[0]
