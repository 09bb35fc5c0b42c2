"""The file that keeps what a sandbox's processes wrote and nobody has read yet."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["Spool"]


class Spool:
    """Append-only; made at the first write, gone with its session's directory. Open while the sandbox lives."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._size = 0

    def append(self, data: bytes) -> int:
        """Where it is. Raises `OSError`."""
        if self._fd < 0:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        at, view = self._size, memoryview(data)
        while view:
            done = os.pwrite(self._fd, view, self._size)
            self._size += done
            view = view[done:]
        return at

    def read(self, at: int, count: int) -> bytes:
        """Bytes that were appended."""
        if self._fd >= 0:
            return os.pread(self._fd, count, at)
        fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, count, at)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Only reads follow. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
