"""Counts by time: the last hour, say, in parts of some seconds."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Cell", "Cells", "quantile", "summed"]

#: Durations in one bin differ by less than a tenth.
_RATIO = math.log(1.1)
_LEAST = 1e-6


@dataclass(slots=True)
class Cell:
    """One part. `bins` count durations of calls, by the logarithm."""

    calls: int = 0
    succeeded: int = 0
    failed: int = 0
    bins: Counter[int] = field(default_factory=Counter)

    def add(self, other: Cell) -> None:
        """Count what that one has, too."""
        self.calls += other.calls
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.bins.update(other.bins)

    def ended(self, span_s: float, succeeded: int, failed: int) -> None:
        """A call has ended, `span_s` after it was accepted, with so many inputs."""
        self.calls += 1
        self.succeeded += succeeded
        self.failed += failed
        self.bins[math.floor(math.log(max(span_s, _LEAST)) / _RATIO)] += 1


class Cells:
    """Parts of `step_s` seconds, the last `count` of them that have anything."""

    def __init__(self, step_s: float, count: int) -> None:
        self.step_s = step_s
        self.count = count
        self._cells: OrderedDict[int, Cell] = OrderedDict()

    def at(self, at: float) -> Cell:
        """The one for a moment, in Unix seconds, to count in."""
        place = math.floor(at / self.step_s)
        cell = self._cells.get(place)
        if cell is None:
            cell = self._cells[place] = Cell()
            if len(self._cells) > self.count:
                self._cells.popitem(last=False)
        return cell

    def last(self, now: float) -> list[Cell]:
        """`count` parts up to now, the oldest first."""
        newest = math.floor(now / self.step_s)
        return [self._cells.get(place) or Cell() for place in range(newest - self.count + 1, newest + 1)]

    def total(self, now: float) -> Cell:
        """All of them in one."""
        return summed(self.last(now))


def summed(cells: Iterable[Cell]) -> Cell:
    """All in one."""
    total = Cell()
    for cell in cells:
        total.add(cell)
    return total


def quantile(bins: Counter[int], part: float) -> float | None:
    """Seconds that the part (0 to 1) of the durations does not exceed, to a twentieth; None: there are none."""
    wanted = math.ceil(part * bins.total())
    for place in sorted(bins):
        wanted -= bins[place]
        if wanted <= 0:
            return math.exp((place + 0.5) * _RATIO)
    return None
