"""Forming batches (batch.form): in order of arrival, closed when full or when the oldest has waited long enough.

A batch that is due and finds no free container goes on growing up to its limit until there is one.
"""

from __future__ import annotations

from collections import deque

from intermodal.engine.model import QUEUED, Call, Input
from intermodal.specs import BatchPolicy

__all__ = ["Batcher"]


class Batcher:
    """Waiting inputs of one batched method. Those that go once more go singly, ahead of the others (batch.errors)."""

    def __init__(self, policy: BatchPolicy) -> None:
        self.policy = policy
        self.fresh = 0
        self.alone = 0
        self._arrivals: deque[tuple[Call, int, float]] = deque()  # call, index after its last input, when
        self._again: deque[Input] = deque()

    @property
    def size(self) -> int:
        """Waiting inputs."""
        return self.fresh + self.alone

    @property
    def slots(self) -> int:
        """Batches that the waiting inputs make."""
        return self.alone + -(-self.fresh // self.policy.max_size)

    @property
    def depth(self) -> int:
        """Depth of the deepest waiting call; -1 where nothing waits."""
        return max((call.depth for call in self.calls()), default=-1) if self.size else -1

    def calls(self) -> list[Call]:
        """Calls that may have waiting inputs."""
        again = [item.owner for item in self._again]
        return list(dict.fromkeys([call for call, _, _ in self._arrivals] + again))

    def add(self, call: Call, count: int, now: float) -> None:
        """The last `count` payloads of `call.fresh` have just arrived."""
        self.fresh += count
        self._arrivals.append((call, call.total, now))

    def add_again(self, item: Input) -> None:
        """An input that goes once more."""
        self.alone += 1
        self._again.append(item)

    def due_at(self) -> float | None:
        """When the next batch closes if nothing more arrives."""
        self._settle()
        if self.alone:
            return float("-inf")
        if not self.fresh:
            return None
        return float("-inf") if self.fresh >= self.policy.max_size else self._arrivals[0][2] + self.policy.wait_s

    def take(self) -> list[Input]:
        """The next batch. Call it when one is due."""
        while self._again:
            item = self._again.popleft()
            if item.attempt == QUEUED:
                self.alone -= 1
                return [item]
        batch: list[Input] = []
        while len(batch) < self.policy.max_size and self._arrivals:
            call, end, _ = self._arrivals[0]
            found = call.pop_fresh() if call.first < end else None
            if found is None:
                self._arrivals.popleft()
            elif found.index >= end:  # those of this arrival were cancelled; it belongs to a later one
                call.live.pop(found.index)
                call.first = found.index
                call.fresh.appendleft(found.payload)
                self._arrivals.popleft()
            else:
                batch.append(found)
        self.fresh -= len(batch)
        return batch

    def _settle(self) -> None:
        """Forget arrivals of which nothing waits any more, so that the oldest one tells the age."""
        while self._arrivals:
            call, end, _ = self._arrivals[0]
            while call.cancelled and call.fresh and call.first in call.cancelled:
                call.cancelled.discard(call.first)
                call.fresh.popleft()
                call.first += 1
            if call.fresh and call.first < end:
                return
            self._arrivals.popleft()
