"""Who uses what an engine has, and since when: an engine does not know when a thing was used last, nor that a session
is about to use it.

For both there is a file for each thing in a directory: its time is the last use, and who uses the thing holds a shared
lock on it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from intermodal.plugins.holding import acquire, try_acquire

__all__ = ["Uses"]


class Uses:
    """Of the things that one directory has files for, under their names. Processes and threads may share it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()

    def use(self, name: str) -> None:
        """Keep the thing until `close`, and note the time."""
        with self._lock:
            if name not in self._held:
                self._directory.mkdir(parents=True, exist_ok=True)
                self._held[name] = acquire(self._directory / name, shared=True)
            os.utime(self._held[name])

    def close(self) -> None:
        """Let go of all. Idempotent."""
        with self._lock:
            while self._held:
                os.close(self._held.popitem()[1])

    def last(self, name: str) -> float | None:
        """When somebody used it last, in Unix seconds; None where that is not known."""
        try:
            return (self._directory / name).stat().st_mtime
        except FileNotFoundError:
            return None

    def is_held(self, name: str) -> bool:
        """Whether somebody uses it now."""
        with self.alone(name) as alone:
            return not alone

    def forget(self, name: str) -> None:
        """The thing is gone. Within `alone`."""
        (self._directory / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Whether nobody uses it; nobody who knows of it begins to until this is left."""
        fd = try_acquire(self._directory / name)
        try:
            yield fd is not None or not (self._directory / name).exists()
        finally:
            if fd is not None:
                os.close(fd)
