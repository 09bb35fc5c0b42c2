"""Where a session's containers write to volumes: directories that go with the session, however it ends."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from intermodal.plugins.holding import acquire, try_acquire
from intermodal.storage.removing import remove_tree

__all__ = ["Places", "killed"]


class Places:
    """One session's directory under `data_dir/volumes/sessions`, made at its first use and locked while it lives. For
    any thread."""

    def __init__(self, data_dir: Path, session: str) -> None:
        self._root = data_dir / "volumes" / "sessions" / session
        self._turn = threading.Lock()
        self._lock: int | None = None
        self._count = 0

    def hold(self) -> None:
        """From now on, until `close` or the end of this process, the session is known to live. Idempotent."""
        with self._turn:
            if self._lock is None:
                self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._lock = acquire(_lock_of(self._root))

    def fresh(self) -> Path:
        """A new directory with `upper`, `work` and `place` in it."""
        self.hold()
        with self._turn:
            self._count += 1
            directory = self._root / str(self._count)
        for name in ("upper", "work", "place"):
            (directory / name).mkdir(parents=True)
        return directory

    def close(self) -> None:
        """Remove everything. Idempotent."""
        if self._lock is not None:
            remove_tree(self._root)
            _lock_of(self._root).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


@contextlib.contextmanager
def killed(data_dir: Path) -> Iterator[list[str]]:
    """The sessions that were killed. Their directories are removed now, and they are forgotten as the block ends: who
    is killed in it leaves them to the next."""
    held: dict[Path, int] = {}
    try:
        for lock in (data_dir / "volumes" / "sessions").glob("*.lock"):
            fd = try_acquire(lock)
            if fd is not None:
                held[lock] = fd
                remove_tree(lock.with_suffix(""))
        yield [lock.stem for lock in held]
        for lock in held:
            lock.unlink(missing_ok=True)
    finally:
        for fd in held.values():
            os.close(fd)


def _lock_of(root: Path) -> Path:
    return root.with_suffix(".lock")
