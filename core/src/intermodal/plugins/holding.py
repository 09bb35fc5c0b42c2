"""One at a time on one host: `flock` on files, which the kernel frees however their holder ends.

Public to authors of backends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["acquire", "alone_with", "exclusively", "guarding", "try_acquire"]

_POLL_S = 0.05


def acquire(path: Path, *, shared: bool = False) -> int:
    """Wait for the lock at `path`, making the file where it is missing. The descriptor holds it; close it to let go.

    Whoever holds it alone may remove the file.
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            if _is_at(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # its last holder removed the file while we waited: this lock excludes nobody


def try_acquire(path: Path) -> int | None:
    """The exclusive lock at `path` if it exists and nobody holds it in any way; else None. Works on directories too."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(fd, path):
            return fd
    except BlockingIOError:
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


@contextlib.contextmanager
def exclusively(path: Path, *, remove: bool = False) -> Iterator[None]:
    """Hold the lock at `path` for a moment; `remove` its file afterwards."""
    fd = acquire(path)
    try:
        yield
    finally:
        if remove:
            path.unlink()
        os.close(fd)


@contextlib.contextmanager
def guarding(directory: Path, *, shared: bool) -> Iterator[None]:
    """Hold the lock of a directory that stays for a moment. Raises `FileNotFoundError`."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def alone_with(directory: Path, name: str, waits: Callable[[], None], check: Callable[[], None]) -> Iterator[None]:
    """Hold the right to what `name` names, which may be any text.

    Args:
        directory: where the locks are; it exists.
        waits: told once when somebody else holds it.
        check: called while waiting; raises where the wait is to end.
    """
    file = directory / f"lock-{hashlib.sha256(name.encode()).hexdigest()[:24]}"
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    told = False
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                check()
                if not told:
                    waits()
                    told = True
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)
