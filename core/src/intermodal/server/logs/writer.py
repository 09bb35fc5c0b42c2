"""The thread that keeps lines: groups of them, each in one transaction, and what is too old removed in between."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from intermodal.plugins import LogLine
from intermodal.server.logs.happenings import Happening, gap_line
from intermodal.server.logs.store import LogStore
from intermodal.server.trouble import UNAVAILABLE

__all__ = ["LogWriter", "Retention"]

_log = logging.getLogger("intermodal.server")

#: Characters of text that may wait for the disk; who has more waits.
BACKLOG = 16 << 20
#: Seconds between looks for what is too old.
_PRUNE_S = 5.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long lines stay: for `seconds`, and while all of them take no more than `size` bytes of disk."""

    seconds: float
    size: int


class LogWriter:
    """Keeps what is put, in order. What the disk refuses is counted, and a line in its place says so once it takes
    lines again (log.lines).

    Args:
        written: called on the writer's thread with the (environment, app) of lines that can be read now.
    """

    def __init__(self, store: LogStore, retention: Retention, written: Callable[[set[tuple[str, str]]], None]) -> None:
        self._store = store
        self._retention = retention
        self._written = written
        self._changed = threading.Condition()
        self._waiting: list[tuple[str, LogLine | Happening]] = []
        self._size = 0
        self._put = self._kept = 0  # batches
        self._closed = False
        self._refused: dict[tuple[str, str], tuple[int, LogLine | Happening]] = {}
        self._pruned = float("-inf")
        self._thread = threading.Thread(target=self._run, name="intermodal-logs", daemon=True)
        self._thread.start()

    def put(self, environment: str, lines: Sequence[LogLine | Happening]) -> None:
        """Keep lines soon. Waits while too many wait already; after `close` they are dropped. From any thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._size < BACKLOG or self._closed)
            if self._closed:
                return
            self._put += 1
            self._waiting += [(environment, line) for line in lines]
            self._size += sum(len(line.text) for line in lines)
            self._changed.notify_all()

    def settle(self) -> None:
        """Wait until what was put before has been kept, or refused by the disk."""
        with self._changed:
            last = self._put
            self._changed.wait_for(lambda: self._kept >= last)

    def close(self) -> None:
        """Keep what waits, then end. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        taken = 0
        while True:
            with self._changed:
                self._kept = taken
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closed, timeout=_PRUNE_S)
                lines, self._waiting, self._size = self._waiting, [], 0
                taken = self._put
                self._changed.notify_all()
                if not lines and self._closed:
                    return
            if lines:
                self._write(lines)
            self._prune()

    def _write(self, lines: list[tuple[str, LogLine | Happening]]) -> None:
        try:
            self._store.append([*self._gaps(), *lines])
        except (*UNAVAILABLE, SQLAlchemyError) as error:
            if not self._refused:
                _log.error("log lines are lost: %s", error)
            for environment, line in lines:
                count, _ = self._refused.get((environment, line.app), (0, line))
                self._refused[environment, line.app] = count + 1, line
            return
        self._refused.clear()
        self._written({(environment, line.app) for environment, line in lines})

    def _gaps(self) -> list[tuple[str, LogLine | Happening]]:
        return [(environment, gap_line(last, count)) for (environment, _), (count, last) in self._refused.items()]

    def _prune(self) -> None:
        now = time.monotonic()
        if now - self._pruned < _PRUNE_S:
            return
        try:
            self._store.prune(time.time() - self._retention.seconds, self._retention.size)
        except (*UNAVAILABLE, SQLAlchemyError) as error:
            _log.error("log lines that are too old could not be removed: %s", error)
        self._pruned = time.monotonic()
