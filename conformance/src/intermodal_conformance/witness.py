"""A plugin of intermodal that remembers what was asked of the backend and what the engine observed.

The suite loads it beside the backend. What a test asked decides whether it was evidence at all (`vacuous`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from intermodal.plugins import (
    Builder,
    CallFinished,
    CallStarted,
    Config,
    ContainerExited,
    ContainerStarted,
    GpuAllocator,
    ImageStep,
    InputFailed,
    Launcher,
    LogLine,
    Notice,
    Storage,
    hookimpl,
)

__all__ = ["ASKS", "Witness", "witness"]

#: The environment variable with a file, to which a process that the suite started adds what was asked of its backend.
ASKS = "INTERMODAL_CONFORMANCE_ASKS"

T = TypeVar("T")

#: What of each role counts as asking the backend for something.
_ASKING = {
    "launcher": ("launch", "bare"),
    "builder": ("build", "prune"),
    "gpus": ("acquire", "inventory"),
    "storage": ("put", "get", "has", "stream", "read_ref", "swap_ref"),
}


class Witness:
    """Everything that was seen in this process, in order. Times are Unix seconds.

    Args:
        told: a file for others, which gets what was asked of the backend, too.
    """

    def __init__(self, told: Path | None = None) -> None:
        self.asks: list[tuple[float, str]] = []
        self.events: list[Any] = []
        self._news = threading.Condition()
        self._told = told
        self._others: list[Path] = []

    def asked(self, what: str) -> None:
        """Something was asked of the backend, now."""
        self.asks.append((time.time(), what))
        self._tell([(time.time(), what)])

    def listen_to(self, told: Path) -> None:
        """What another process was asked, which writes to this file, counts as well."""
        self._others.append(told)

    def _tell(self, asks: Sequence[tuple[float, str]]) -> None:
        if self._told is not None and asks:
            with self._told.open("a") as file:
                file.write("".join(f"{at} {what}\n" for at, what in asks))

    def saw(self, events: Sequence[Any]) -> None:
        """Observations came."""
        self._tell([(event.at, "call") for event in events if type(event) is CallStarted])
        with self._news:
            self.events.extend(events)
            self._news.notify_all()

    def of(self, kind: type[T], where: Callable[[T], bool] = lambda event: True) -> list[T]:
        """The observations of one kind so far."""
        return [event for event in list(self.events) if type(event) is kind and where(event)]

    def wait_for(
        self, kind: type[T], where: Callable[[T], bool] = lambda event: True, count: int = 1, timeout: float = 30.0
    ) -> list[T]:
        """The same, once there are `count` of them. Raises `AssertionError` where they do not come in time."""
        with self._news:
            if self._news.wait_for(lambda: len(self.of(kind, where)) >= count, timeout):
                return self.of(kind, where)
        raise AssertionError(f"{count} x {kind.__name__} did not come within {timeout} s; {len(self.of(kind))} in all")

    def count(self, began: float, ended: float) -> dict[str, int]:
        """What was asked between two times: calls, launches, builds and so on, by name."""
        counts: dict[str, int] = {}
        started = [(event.at, "call") for event in self.of(CallStarted)]
        for at, what in (*self.asks, *started, *self._asked_of_others()):
            if began <= at <= ended:
                counts[what] = counts.get(what, 0) + 1
        return counts

    def _asked_of_others(self) -> list[tuple[float, str]]:
        lines = [line for path in self._others if path.exists() for line in path.read_text().splitlines()]
        return [(float(at), what) for at, _, what in (line.partition(" ") for line in lines)]


#: The one of this process.
witness = Witness(Path(os.environ[ASKS]) if ASKS in os.environ else None)


class _Counted:
    """A role that tells the witness when it is asked for something."""

    def __init__(self, role: str, inner: Any) -> None:
        self._role, self._inner = role, inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in _ASKING[self._role]:
            return found

        def ask(*args: Any, **kwargs: Any) -> Any:
            witness.asked(name)
            return found(*args, **kwargs)

        return ask


def _counted(role: str, inner: Any) -> Any:
    return None if inner is None else _Counted(role, inner)


@hookimpl(wrapper=True, tryfirst=True)
def intermodal_launcher(config: Config) -> Generator[None, Launcher | None, Launcher | None]:
    """Count launches."""
    return _counted("launcher", (yield))  # type: ignore[no-any-return]


@hookimpl(wrapper=True, tryfirst=True)
def intermodal_builder(config: Config) -> Generator[None, Builder | None, Builder | None]:
    """Count builds."""
    return _counted("builder", (yield))  # type: ignore[no-any-return]


@hookimpl(wrapper=True, tryfirst=True)
def intermodal_gpus(config: Config) -> Generator[None, GpuAllocator | None, GpuAllocator | None]:
    """Count leases."""
    return _counted("gpus", (yield))  # type: ignore[no-any-return]


@hookimpl(wrapper=True, tryfirst=True)
def intermodal_storage(config: Config) -> Generator[None, Storage | None, Storage | None]:
    """Count what storage is asked."""
    return _counted("storage", (yield))  # type: ignore[no-any-return]


@hookimpl
def intermodal_call_started(events: Sequence[CallStarted]) -> None:
    """Remember."""
    witness.saw(events)


@hookimpl
def intermodal_call_finished(events: Sequence[CallFinished]) -> None:
    """Remember."""
    witness.saw(events)


@hookimpl
def intermodal_input_failed(events: Sequence[InputFailed]) -> None:
    """Remember."""
    witness.saw(events)


@hookimpl
def intermodal_container_started(events: Sequence[ContainerStarted]) -> None:
    """Remember."""
    witness.saw(events)


@hookimpl
def intermodal_container_exited(events: Sequence[ContainerExited]) -> None:
    """Remember."""
    witness.saw(events)


@hookimpl
def intermodal_image_step(events: Sequence[ImageStep]) -> None:
    """Remember."""
    witness.saw(events)


@hookimpl
def intermodal_log(events: Sequence[LogLine]) -> None:
    """Remember."""
    witness.saw(events)


@hookimpl
def intermodal_notice(events: Sequence[Notice]) -> None:
    """Remember."""
    witness.saw(events)
