"""Ctrl-C and SIGTERM: unwind what runs, within a time, whatever the user's code does meanwhile."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

__all__ = ["Interrupted", "before", "install"]

#: Seconds from the signal to the end of this process. Containers end with it, however it ends.
LIMIT_S = 1.7

_SHOW_CURSOR = b"\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """The process was asked to end by `signum`."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"signal {signum}")
        self.exit_code = 128 + signum


def install() -> None:
    """Take over SIGINT and SIGTERM."""
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _interrupt)


_seen: list[int] = []
_before: list[Callable[[], None]] = []


def before(first: Callable[[], None]) -> None:
    """Call `first` when the process is asked to end, in the signal's handler, before anything unwinds."""
    _before.append(first)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    if _seen:
        _leave(128 + signum)
    _seen.append(signum)
    timer = threading.Timer(LIMIT_S, _leave, args=(128 + signum,))
    timer.daemon = True
    timer.start()
    for first in _before:
        first()
    raise Interrupted(signum)


def _leave(code: int) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(2, _SHOW_CURSOR)
    os._exit(code)
