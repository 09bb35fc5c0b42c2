"""The harness: how the suite starts a backend and asks what it left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from intermodal_conformance import traces

__all__ = ["GROUP", "DefaultHarness", "Harness", "find_harness"]

#: The entry-point group; the name of an entry point is that of the backend.
GROUP = "intermodal.conformance"


@runtime_checkable
class Harness(Protocol):
    """What the author of a backend may say about running it. An entry point names an instance, or a callable without
    arguments that makes one."""

    def running(self, data_dir: Path) -> AbstractContextManager[None]:
        """Entered once, before the backend is loaded, and left when the last app has ended: start here what the backend
        needs. `data_dir` is the session's data directory."""
        ...

    def leftovers(self, data_dir: Path) -> Sequence[str]:
        """What is left behind now, each in words; empty where nothing is. Asked when all apps have ended."""
        ...


class DefaultHarness:
    """For backends that need nothing started. Finds processes below the suite's, and mounts in the data directory,
    that were not there before.

    A subclass may extend both methods; a harness of another kind may do without it.
    """

    #: Seconds that processes get to end after the last app has.
    patience_s = 5.0

    @contextlib.contextmanager
    def running(self, data_dir: Path) -> Iterator[None]:
        """Remember what is there already."""
        traces.adopt_orphans()
        self._processes = set(traces.descendants())
        self._mounts = traces.mounts(data_dir)
        yield

    def leftovers(self, data_dir: Path) -> Sequence[str]:
        """New processes and mounts."""
        processes = traces.settle(self._processes, self.patience_s)
        found = [f"process {pid}: {command}" for pid, command in processes.items()]
        return found + [f"mount at {place}" for place in sorted(traces.mounts(data_dir) - self._mounts)]


def find_harness(backend: str) -> Harness:
    """The harness that an installed distribution has for this backend, else the default one.

    Raises:
        ValueError: two claim the name, or what the entry point names is no harness.
    """
    points = list(entry_points(group=GROUP, name=backend))
    if not points:
        return DefaultHarness()
    if len({point.value for point in points}) > 1:
        who = " and ".join(point.value for point in points)
        raise ValueError(f"two harnesses claim the backend {backend!r}: {who}. Uninstall one")
    made: Any = points[0].load()
    harness = made() if isinstance(made, type) or not isinstance(made, Harness) else made
    if not isinstance(harness, Harness):
        raise ValueError(f"{points[0].value} is no harness: it lacks running() or leftovers()")
    return harness
