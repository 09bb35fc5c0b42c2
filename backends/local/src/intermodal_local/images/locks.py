"""One file that locks any number of keys: each key is one byte of it, locked for an open file, freed by the kernel."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

__all__ = ["KeyLock"]

_STRUCT_FLOCK = "hhqqi0q"


class KeyLock:
    """A held lock. It lasts until every copy of its descriptor is closed, so a child that inherits it holds it too."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def attempt(cls, file: Path, key: str) -> KeyLock | None:
        """Take the lock for the hexadecimal `key` if nobody holds it: no other thread, no other process."""
        fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        place = int(key[:15], 16)
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack(_STRUCT_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0))
        except BlockingIOError:
            os.close(fd)
            return None
        except BaseException:
            os.close(fd)
            raise
        return cls(fd)

    def release(self) -> None:
        """Close this copy. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
