"""Where a session keeps what its sandboxes leave until it ends, and how other processes find it.

DATA/sandboxes/SESSION/      output of sandboxes, `door` (the socket that other processes ask)
DATA/sandboxes/SESSION.lock  locked while the session lives, whatever way it ends
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from intermodal.plugins.holding import acquire, try_acquire

__all__ = ["Place", "living", "session_of"]

_ID = re.compile(r"sb-([0-9a-f]{10})-\d+")


class Place:
    """A session's directory. Making it removes those of sessions that have ended."""

    def __init__(self, data_dir: Path, session: str) -> None:
        home = _home(data_dir)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(home)
        self.folder = home / session
        self._path = home / f"{session}.lock"
        self._lock = acquire(self._path)
        self.folder.mkdir(mode=0o700)

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._path.unlink(missing_ok=True)
        os.close(self._lock)


def living(data_dir: Path) -> Iterator[Path]:
    """The directories of sessions that have, or had, sandboxes, and go on."""
    home = _home(data_dir)
    for lock in sorted(home.glob("*.lock")):
        fd = try_acquire(lock)
        if fd is None:
            yield home / lock.stem
        else:
            os.close(fd)


def session_of(data_dir: Path, sandbox: str) -> Path | None:
    """The directory of the session that a sandbox belongs to, if the id is one; it need not exist."""
    found = _ID.fullmatch(sandbox)
    return _home(data_dir) / found[1] if found else None


def _home(data_dir: Path) -> Path:
    return data_dir / "sandboxes"


def _sweep(home: Path) -> None:
    for lock in home.glob("*.lock"):
        fd = try_acquire(lock)
        if fd is not None:
            shutil.rmtree(home / lock.stem, ignore_errors=True)
            lock.unlink(missing_ok=True)
            os.close(fd)
