"""The waiting inputs of a pool, call by call in rotation: no call starves another, nested calls go first (map.fair,
call.nested)."""

from __future__ import annotations

from collections import deque

from intermodal.engine.model import QUEUED, Call, Input

__all__ = ["Queue"]


class Queue:
    """Calls with waiting inputs, one rotation per depth of nesting.

    Deeper calls go first: somebody up the chain holds a container until they are done.
    """

    def __init__(self) -> None:
        self.size = 0
        self._lanes: dict[int, deque[Call]] = {}
        self._depths: list[int] = []  # deepest first

    @property
    def depth(self) -> int:
        """Depth of the deepest waiting call; -1 where nothing waits."""
        while self.size:
            lane = self._lanes[self._depths[0]]
            if _has_waiting(lane[0]):
                return self._depths[0]
            self._retire(lane)
        return -1

    def calls(self) -> list[Call]:
        """Calls with waiting inputs, deepest first."""
        return [call for depth in self._depths for call in self._lanes[depth] if _has_waiting(call)]

    def add(self, call: Call, count: int) -> None:
        """`count` inputs were put into `call.fresh` or `call.again`."""
        self.size += count
        if call.rotating:
            return
        call.rotating = True
        lane = self._lanes.get(call.depth)
        if lane is None:
            lane = self._lanes[call.depth] = deque()
            self._depths = sorted(self._lanes, reverse=True)
        lane.append(call)

    def take(self, count: int) -> list[Input]:
        """Up to `count` inputs, an equal chunk of each call in turn."""
        taken: list[Input] = []
        while len(taken) < count and self.size:
            lane = self._lanes[self._depths[0]]
            call = lane[0]
            wanted = count - len(taken)
            self._pull(call, -(-wanted // len(lane)), taken)
            if call.again or call.fresh:
                lane.rotate(-1)
            else:
                self._retire(lane)
        return taken

    def _pull(self, call: Call, count: int, into: list[Input]) -> None:
        before = len(into)
        again = call.again
        while again and count:
            item = again.popleft()
            if item.attempt == QUEUED:
                into.append(item)
                count -= 1
        fresh, live, index = call.fresh, call.live, call.first
        if call.cancelled:
            while count and (found := call.pop_fresh()) is not None:
                into.append(found)
                count -= 1
        else:
            for _ in range(min(count, len(fresh))):
                live[index] = item = Input(call, index, fresh.popleft())
                into.append(item)
                index += 1
            call.first = index
        self.size -= len(into) - before

    def _retire(self, lane: deque[Call]) -> None:
        call = lane.popleft()
        call.rotating = False
        if not lane:
            del self._lanes[call.depth]
            self._depths = sorted(self._lanes, reverse=True)


def _has_waiting(call: Call) -> bool:
    fresh = len(call.fresh) - len(call.cancelled or ())
    return fresh > 0 or any(item.attempt == QUEUED for item in call.again)
