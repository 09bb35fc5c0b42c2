"""What is known of calls, containers and functions that were seen."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from intermodal.plugins import InputFailed
from intermodal.server.activity.cells import Cells

__all__ = ["AppSeen", "CallSeen", "CallState", "ContainerSeen", "FunctionSeen"]

CallState: TypeAlias = Literal["running", "succeeded", "failed", "cancelled"]

#: Of one app: calls that are kept of those that ended, of those that failed, and of those that run; containers that
#: ended; functions.
_ENDED, _FAILED, _RUNNING, _GONE, _FUNCTIONS = 500, 200, 10_000, 50, 500
#: Failed inputs of one call that are kept.
_INPUTS = 20


@dataclass(slots=True)
class CallSeen:
    """One call. Counts are of inputs; `total` is None until its last input is known. Times in Unix seconds."""

    id: str
    function: str
    started: float
    parent: str | None = None
    ended: float | None = None
    total: int | None = None
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    failures: list[InputFailed] = field(default_factory=list)

    @property
    def state(self) -> CallState:
        """Failed as soon as one of its inputs has."""
        if self.failed:
            return "failed"
        if self.ended is None:
            return "running"
        return "cancelled" if self.cancelled else "succeeded"

    def failure(self, event: InputFailed) -> None:
        """Keep it, while there is room."""
        if len(self.failures) < _INPUTS:
            self.failures.append(event)


@dataclass(slots=True)
class ContainerSeen:
    """One container that took inputs. `ended`, `cause` and `detail` say when and why it is gone."""

    id: str
    function: str
    started: float
    start_s: float
    gpu: str | None
    ended: float | None = None
    cause: str = ""
    detail: str = ""
    asked: bool = False


@dataclass(slots=True)
class FunctionSeen:
    """One function: an hour of its calls, in quarters of a minute."""

    name: str
    cells: Cells = field(default_factory=lambda: Cells(15.0, 240))
    running: int = 0


class AppSeen:
    """One app. What is kept of each kind is bounded; what was not seen to begin is not seen to end either."""

    def __init__(self) -> None:
        self.functions: OrderedDict[str, FunctionSeen] = OrderedDict()
        self.minutes = Cells(60.0, 60)
        self.running: dict[str, CallSeen] = {}
        self.ended: OrderedDict[str, CallSeen] = OrderedDict()
        self.failed: OrderedDict[str, CallSeen] = OrderedDict()
        self.containers: dict[str, ContainerSeen] = {}
        self.gone: deque[ContainerSeen] = deque(maxlen=_GONE)
        self.seen = 0.0  #: when anything last happened

    def function(self, name: str) -> FunctionSeen:
        """The record of a function."""
        found = self.functions.get(name)
        if found is None:
            found = self.functions[name] = FunctionSeen(name)
            if len(self.functions) > _FUNCTIONS:
                self.functions.popitem(last=False)
        return found

    def call(self, id: str) -> CallSeen | None:
        """One that is still kept."""
        return self.running.get(id) or self.ended.get(id) or self.failed.get(id)

    def begin(self, call: CallSeen) -> None:
        """A call runs, maybe once more."""
        self.ended.pop(call.id, None)
        self.failed.pop(call.id, None)
        self.function(call.function).running += 1
        if len(self.running) < _RUNNING:
            self.running[call.id] = call

    def end(self, id: str, function: str, at: float, succeeded: int, failed: int, cancelled: int) -> None:
        """A call has ended."""
        seen = self.function(function)
        seen.running = max(0, seen.running - 1)
        call = self.running.pop(id, None)
        if call is None:
            return
        for cell in (self.minutes.at(at), seen.cells.at(at)):
            cell.ended(at - call.started, succeeded, failed)
        call.ended, call.running = at, 0
        call.succeeded, call.failed, call.cancelled = succeeded, failed, cancelled
        call.total = succeeded + failed + cancelled
        _keep(self.failed if failed else self.ended, call, _FAILED if failed else _ENDED)

    def calls(self) -> list[CallSeen]:
        """All that are kept, the newest first."""
        found = [*self.running.values(), *self.ended.values(), *self.failed.values()]
        return sorted(found, key=lambda call: call.started, reverse=True)


def _keep(calls: OrderedDict[str, CallSeen], call: CallSeen, most: int) -> None:
    calls[call.id] = call
    if len(calls) > most:
        calls.popitem(last=False)
