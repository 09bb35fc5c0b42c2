"""Directory trees that containers filled: measured, written back, and removed whatever their modes and owners are."""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

from intermodal.exception import BackendError
from intermodal_local.runtime import cleanup

__all__ = ["flush", "remove_tree", "tree_size"]

_libc = ctypes.CDLL(None, use_errno=True)


def tree_size(path: Path) -> int:
    """Bytes of all regular files below `path`, hard links once."""
    seen: set[int] = set()
    total = 0
    for directory, _, names in os.walk(path):
        for name in names:
            info = os.lstat(f"{directory}/{name}")
            if stat.S_ISREG(info.st_mode) and info.st_ino not in seen:
                total += info.st_size
                if info.st_nlink > 1:
                    seen.add(info.st_ino)
    return total


def flush(path: Path) -> None:
    """Write back the file system of `path`, so that what is published afterwards outlives a power cut whole."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd):
            number = ctypes.get_errno()
            raise OSError(number, f"{os.strerror(number)}: writing back {path}")
    finally:
        os.close(fd)


def remove_tree(path: Path) -> None:
    """Remove `path` and all below; absent is fine. Takes on an ordinary user's subordinate ids where files need it.

    Raises:
        BackendError: something of it cannot be removed.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    cleanup.remove(str(path))
    if path.exists():
        raise BackendError(f"{path} cannot be removed: look at the owners and modes of what is in it")
