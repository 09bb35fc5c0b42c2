"""Collects observations on the driver's loop and hands them to the plugin host in batches, off the hot path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from intermodal.plugins.observations import CallProgress, ObservationKind

__all__ = ["Observing"]

#: How often observers hear, in seconds.
INTERVAL = 0.04

Observe = Callable[[ObservationKind, list[Any]], None]


class Observing:
    """`add` costs an append; a timer delivers. On the loop only. `progress` gives what changed since it was last
    asked."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        observe: Observe,
        observes: Callable[[ObservationKind], bool],
        progress: Callable[[], list[CallProgress]],
    ) -> None:
        self._loop = loop
        self._observes = observes
        self._wanted: dict[ObservationKind, bool] = {}
        self._observe = observe
        self._progress = progress
        self._pending: list[tuple[ObservationKind, Any]] = []
        self._armed = False

    def add(self, kind: ObservationKind, record: Any) -> None:
        """One observation."""
        self._pending.append((kind, record))
        self.touch()

    def wants(self, kind: ObservationKind) -> bool:
        """False where making a record of `kind` would be a waste: no plugin takes it (as of the last delivery)."""
        wanted = self._wanted.get(kind)
        if wanted is None:
            wanted = self._wanted[kind] = self._observes(kind)
        self.touch()
        return wanted

    def touch(self) -> None:
        """Progress has changed."""
        if not self._armed:
            self._armed = True
            self._loop.call_later(INTERVAL, self.flush)

    def flush(self) -> None:
        """Deliver now what is there; runs of one kind go as one batch, in order."""
        self._armed = False
        self._wanted.clear()
        pending, self._pending = self._pending, []
        start = 0
        while start < len(pending):
            kind = pending[start][0]
            end = start
            while end < len(pending) and pending[end][0] == kind:
                end += 1
            self._observe(kind, [record for _, record in pending[start:end]])
            start = end
        progress = self._progress()
        if progress:
            self._observe("call_progress", progress)
