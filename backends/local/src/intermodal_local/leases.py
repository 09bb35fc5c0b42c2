"""Directories that are kept as long as somebody uses them: a lease is a shared flock on one, so that it ends with its
holder, however that ends. Who removes a directory holds the exclusive one.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

__all__ = ["hold", "is_free"]


def hold(directory: Path) -> int | None:
    """A descriptor that keeps `directory` from being removed; None where it is not there."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        if os.path.samestat(os.fstat(fd), os.stat(directory)):
            return fd
    except FileNotFoundError:  # removed before we held it
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def is_free(fd: int) -> bool:
    """Whether nobody else holds the directory `fd`; nobody can, then, until it is closed."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
