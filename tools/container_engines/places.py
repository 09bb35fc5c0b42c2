"""Directories of this program: all outside the checkout."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from container_engines.failure import say

__all__ = ["cache_dir", "locked", "state_dir"]


def state_dir() -> Path:
    """Logs, and what was started."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "engines"


def cache_dir() -> Path:
    """Images that were made here."""
    return _xdg("XDG_CACHE_HOME", ".cache") / "base-images"


def _xdg(variable: str, default: str) -> Path:
    path = Path(os.environ.get(variable) or Path.home() / default) / "intermodal"
    return path.absolute()


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Only one process at a time goes on; `what` says in the wait what another one does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting: {what}.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
