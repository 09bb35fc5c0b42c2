"""One builder at a time for each layer, on one host: locks that the kernel frees however their holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["only_builder"]

_POLL_S = 0.05


@contextmanager
def only_builder(directory: Path, key: str, waits: Callable[[], None], check: Callable[[], None]) -> Iterator[None]:
    """Hold the right to make the layer `key`.

    Args:
        directory: where the locks are; it exists.
        waits: told once when somebody else makes it.
        check: called while waiting; raises where the build was cancelled.
    """
    # One of 256 files, so that nothing has to be removed; two layers that share one wait for each other, no more.
    fd = os.open(directory / key[:2], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
