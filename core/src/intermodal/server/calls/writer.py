"""The thread that writes calls: all that came meanwhile in one transaction, whose end everybody waits for together."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from intermodal.driver.keeping import Verdict
from intermodal.exception import ResourceExhaustedError
from intermodal.server.calls import singly
from intermodal.server.calls.limits import failing
from intermodal.server.calls.rows import Fresh, Recorded
from intermodal.server.calls.store import CallStore
from intermodal.server.calls.waiting import Waiting
from intermodal.server.trouble import UNAVAILABLE

__all__ = ["CallRetention", "CallWriter", "Decided"]

_log = logging.getLogger("intermodal.server")
T = TypeVar("T")

#: Seconds until what the disk refused is tried again.
_AGAIN_S = 0.5
#: Seconds between looks for what is too old.
_PRUNE_S = 5.0
#: How much longer than its outputs a call is known, so that who asks hears that they have expired.
_REMEMBERED = 4.0
#: Bytes of outputs that wait in memory while the database takes nothing.
_BACKLOG = 256 << 20

#: Told on the writer's thread what became of calls, a group at a time.
Decided = Callable[[Sequence[tuple[Callable[[Verdict], None], Verdict]]], None]


@dataclass(frozen=True, slots=True)
class CallRetention:
    """How long outputs stay: for `seconds` after their call's end, and while all take no more than `size` bytes."""

    seconds: float
    size: int


@dataclass(slots=True)
class _Group:
    """What is to be written together."""

    fresh: list[Fresh] = field(default_factory=list)
    then: list[tuple[Decided, Callable[[Verdict], None]]] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    jobs: list[tuple[Future[Any], Callable[[], Any]]] = field(default_factory=list)


class CallWriter:
    """From any thread. Outputs are never dropped: what the disk refuses is written when it takes something again. One
    that would be beyond `backlog` bytes until then is written as failed, and so is one that is refused for good."""

    def __init__(
        self, store: CallStore, retention: CallRetention, waiting: Waiting, *, backlog: int = _BACKLOG
    ) -> None:
        self._store = store
        self._retention = retention
        self._waiting = waiting
        self._changed = threading.Condition()
        self._group = _Group()
        self._closed = False
        self._refusal = ""
        self._most, self._waits_bytes = backlog, 0
        self._pruned = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="intermodal-calls", daemon=True)
        self._thread.start()

    @property
    def refusal(self) -> str:
        """Why the disk takes nothing; "" while it does."""
        return self._refusal

    def accept(self, call: Fresh, decided: Decided, then: Callable[[Verdict], None]) -> None:
        """Write a call down; `decided` hears of it, with `then`."""
        with self._changed:
            if not self._closed:
                self._group.fresh.append(call)
                self._group.then.append((decided, then))
                self._changed.notify()
                return
        decided([(then, ResourceExhaustedError("the server is ending: it takes no more calls"))])

    def record(self, recorded: Recorded) -> None:
        """Write outputs down."""
        with self._changed:
            if self._refusal and self._waits_bytes + recorded.size > self._most:
                why = f"the result is lost: it could not be kept ({self._refusal}), and too many waited for that"
                recorded = failing(recorded, "ResourceExhaustedError", why)
            self._waits_bytes += recorded.size
            self._group.recorded.append(recorded)
            self._changed.notify()

    def end(self, call: str) -> None:
        """All outputs of a call may be there."""
        with self._changed:
            self._group.ended.append(call)
            self._changed.notify()

    def do(self, job: Callable[[], T]) -> Future[T]:
        """Change the store in another way, after what came before."""
        future: Future[T] = Future()
        with self._changed:
            self._group.jobs.append((future, job))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Write what waits, then end. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    # ---- on the writer's thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._waits(), timeout=_PRUNE_S)
                group, self._group = self._group, _Group()
                over = self._closed
            if self._write(group):
                self._jobs(group.jobs)
            elif over:
                _log.error("%d outputs of calls are not kept: their inputs run again", len(group.recorded))
                self._jobs(group.jobs)
            else:
                self._put_back(group)
                time.sleep(_AGAIN_S)
                continue
            if over:
                return
            self._prune()

    def _waits(self) -> bool:
        group = self._group
        return bool(group.fresh or group.recorded or group.ended or group.jobs)

    def _write(self, group: _Group) -> bool:
        if not (group.fresh or group.recorded or group.ended):
            return True
        try:
            verdicts = self._store.write(group.fresh, group.recorded, group.ended)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            if not singly.may_pass(error):
                return self._write_singly(group)
            self._refused(error)
            self._decide(group, [error] * len(group.fresh))
            return not (group.recorded or group.ended)
        self._taken(group.recorded)
        self._decide(group, verdicts)
        return True

    def _write_singly(self, group: _Group) -> bool:
        """What is left of the group then is to be put back."""
        self._decide(group, [singly.accept(self._store, call) for call in group.fresh])
        try:
            while group.recorded:
                singly.record(self._store, group.recorded[0])
                self._taken([group.recorded.pop(0)])
            while group.ended:
                singly.end(self._store, group.ended[0])
                group.ended.pop(0)
        except Exception as error:  # noqa: BLE001 - see `_write`
            self._refused(error)
            return False
        return True

    def _refused(self, error: Exception) -> None:
        if not self._refusal:
            _log.error("no calls are accepted: %s", error, exc_info=not isinstance(error, UNAVAILABLE))
        self._refusal = str(error)

    def _taken(self, recorded: Sequence[Recorded]) -> None:
        if self._refusal:
            _log.warning("calls are kept again")
            self._refusal = ""
        with self._changed:
            self._waits_bytes -= sum(outputs.size for outputs in recorded)
        self._waiting.changed({outputs.call for outputs in recorded})

    def _decide(self, group: _Group, verdicts: Sequence[Verdict]) -> None:
        told: dict[Decided, list[tuple[Callable[[Verdict], None], Verdict]]] = {}
        for (decided, then), verdict in zip(group.then, verdicts, strict=True):
            told.setdefault(decided, []).append((then, verdict))
        for decided, theirs in told.items():
            decided(theirs)

    def _put_back(self, group: _Group) -> None:
        with self._changed:
            self._group.recorded[:0] = group.recorded
            self._group.ended[:0] = group.ended
            self._group.jobs[:0] = group.jobs

    def _jobs(self, jobs: Sequence[tuple[Future[Any], Callable[[], Any]]]) -> None:
        for future, job in jobs:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(job())
                except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                    future.set_exception(error)

    def _prune(self) -> None:
        if time.monotonic() - self._pruned < _PRUNE_S:
            return
        now, seconds = time.time(), self._retention.seconds
        try:
            more = self._store.expire(now - seconds, now - _REMEMBERED * seconds, self._retention.size)
        except Exception as error:  # noqa: BLE001 - it is tried again, and nobody may wait for ever
            unknown = not isinstance(error, UNAVAILABLE)
            _log.error("calls that are too old are not removed yet: %s", error, exc_info=unknown)
            more = 0
        self._pruned = time.monotonic() - (_PRUNE_S if more else 0.0)
