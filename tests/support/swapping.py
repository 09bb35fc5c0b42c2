"""A hostile program: it swaps two paths for one another, over and over, while something reads them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextlib.contextmanager
def swapping(one: Path, other: Path) -> Iterator[None]:
    """In this block `one` and `other` change places as fast as the kernel lets them."""
    done, paths = threading.Event(), (os.fsencode(one), os.fsencode(other))
    exchange = ctypes.CDLL(None, use_errno=True).renameat2

    def swap() -> None:
        while not done.is_set():
            assert exchange(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0

    hostile = threading.Thread(target=swap)
    hostile.start()
    try:
        yield
    finally:
        done.set()
        hostile.join()
