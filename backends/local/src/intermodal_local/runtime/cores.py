"""Cpu limits where no control group enforces them: so many whole cores, those that fewest containers were given."""

from __future__ import annotations

import collections
import math
import os
from collections.abc import Sequence


class Cores:
    """The cores that this process may use, and how many containers each was given to."""

    def __init__(self) -> None:
        self._given: collections.Counter[int] = collections.Counter(dict.fromkeys(os.sched_getaffinity(0), 0))

    def take(self, limit: float | None) -> list[int]:
        """The cores for a limit, rounded up; none where it is no less than all of them, or None."""
        if limit is None or math.ceil(limit) >= len(self._given):
            return []
        cores = sorted(self._given, key=lambda core: (self._given[core], core))[: max(1, math.ceil(limit))]
        self._given.update(cores)
        return cores

    def give(self, cores: Sequence[int]) -> None:
        """A container that had them ended."""
        self._given.subtract(cores)


def keep_to(cores: Sequence[int]) -> None:
    """This process, and what it starts, runs on these alone; on any where there are none."""
    if cores:
        os.sched_setaffinity(0, cores)
