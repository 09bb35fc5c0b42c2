"""Moves what SQLite's log has collected into the database, away from the threads that commit: it waits for the disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from intermodal.storage.state.schema import FILE

__all__ = ["Checkpoints"]

_EVERY = 500  #: transactions, of a few pages each


class Checkpoints:
    """Counts transactions, and asks with `ring` for `take` to be called, on a thread that may wait."""

    def __init__(self, data_dir: Path, ring: Callable[[], None]) -> None:
        self._path = data_dir / FILE
        self._ring = ring
        self._count = 0
        self._connection: sqlite3.Connection | None = None

    def count(self) -> None:
        """One transaction more."""
        self._count += 1
        if self._count == _EVERY:
            self._ring()

    def take(self) -> None:
        """Do it now if it is time. It holds up nobody, and what it cannot move now is moved next time."""
        if self._count < _EVERY:
            return
        self._count = 0
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:  # a full disk, say: the log grows until a later one succeeds, and commits report theirs
            pass

    def close(self) -> None:
        """No more of them."""
        if self._connection is not None:
            self._connection.close()
