"""One at a time on one host, by name: locks that the kernel frees however their holder ends.

Public to authors of backends, as a name of `intermodal.plugins.building`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["alone_with"]

_POLL_S = 0.05


@contextmanager
def alone_with(directory: Path, name: str, waits: Callable[[], None], check: Callable[[], None]) -> Iterator[None]:
    """Hold the right to what `name` names.

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
