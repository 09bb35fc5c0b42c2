"""Feeds observers: a queue that the driver fills without waiting, and one thread that calls the hooks in batches."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pluggy

from intermodal.plugins.calls import call_one
from intermodal.plugins.observations import LogLine
from intermodal.plugins.structured import with_fields

__all__ = ["Observers"]

#: Text of log lines that may wait for slow observers, in characters; what comes beyond is dropped and said (fault 17).
LOG_BACKLOG = 64 << 20


class Observers:
    """The queue and its thread, which starts with the first batch.

    Args:
        implementations: the plain implementations of a hook, read again for each batch (plugins come and go).
    """

    def __init__(self, implementations: Callable[[str], Sequence[pluggy.HookImpl]]) -> None:
        self._implementations = implementations
        self._queue: deque[tuple[str, Sequence[Any]]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closed = False
        self._log_waiting = 0
        self._log_dropped = 0
        self._log_last: LogLine | None = None
        self._failed: set[str] = set()

    def put(self, kind: str, batch: Sequence[Any]) -> None:
        """Queue a batch. Never blocks, from any thread; after `close` it is dropped."""
        with self._changed:
            if self._closed or (kind == "log" and not self._admit(batch)):
                return
            self._queue.append((kind, batch))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="intermodal-observers", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until everything that was put before has been delivered."""
        with self._changed:
            self._changed.wait_for(lambda: not self._queue and not self._busy)

    def close(self) -> None:
        """Deliver what waits, then end the thread. Idempotent."""
        self.flush()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _admit(self, batch: Sequence[LogLine]) -> bool:
        if self._log_waiting > LOG_BACKLOG:
            self._log_dropped += len(batch)
            self._log_last = batch[-1]
            return False
        self._mark_gap()
        self._log_waiting += sum(len(line.text) for line in batch)
        return True

    def _mark_gap(self) -> None:
        """Where lines were dropped, a line on stderr says so in their place, whoever shows notices or does not."""
        if self._log_last is None:
            return
        text = f"[{self._log_dropped} lines of output were dropped here: what reads this output is too slow]"
        self._queue.append(("log", [replace(self._log_last, stream=2, text=text)]))
        self._log_waiting += len(text)
        self._log_dropped, self._log_last = 0, None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                if not self._queue:
                    self._mark_gap()
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
                kind, events = self._take()
                self._busy = True
            self._deliver(f"intermodal_{kind}", with_fields(events) if kind == "log" else events)

    def _take(self) -> tuple[str, Sequence[Any]]:
        """The next batch, joined with those of its kind that follow it directly."""
        kind, first = self._queue.popleft()
        events = list(first)
        while self._queue and self._queue[0][0] == kind:
            events.extend(self._queue.popleft()[1])
        if kind == "log":
            self._log_waiting -= sum(len(line.text) for line in events)
        return kind, events

    def _deliver(self, hook: str, events: Sequence[Any]) -> None:
        for implementation in self._implementations(hook):
            if implementation.plugin_name in self._failed:
                continue
            try:
                call_one(implementation, {"events": events})
            except Exception as error:  # noqa: BLE001 - whatever a plugin does wrong must not end the run
                self._failed.add(implementation.plugin_name)
                print(
                    f"intermodal: the plugin {implementation.plugin_name!r} failed in {hook} and observes no more: "
                    f"{type(error).__name__}: {error}",
                    file=sys.stderr,
                )
