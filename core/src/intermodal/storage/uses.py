"""Who uses what of a data directory, and since when: so that what nobody has used for long can go.

The next session may need again what this one had made. So such things go by age, counted from their last use, and never
while a session runs that began before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from intermodal.plugins.holding import acquire, try_acquire

__all__ = ["Uses"]

_TIDY_EVERY_S = 3600.0

#: Removes one thing and gives the bytes that this freed.
_Remove = Callable[[str], int]


class Uses:
    """Uses of named things, noted under `data_dir/uses`. Blocking calls, from any thread; several processes share it.

    Whoever uses things holds a `lease`, and says so of each thing within `using`. What was never said to be used is
    nobody's business here, and stays.
    """

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "uses"
        self._leases = self._root / "leases"
        self._stamps = self._root / "stamps"
        self._gate = self._root / "gate"
        self._mark = self._root / "tidied"
        self._lease: tuple[int, Path] | None = None

    def lease(self) -> None:
        """From now on, until `release` or the end of this process, what is said to be used stays."""
        if self._lease is None:
            for directory in (self._leases, self._stamps):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._leases / secrets.token_hex(8)
            with self._shared_gate():
                self._lease = acquire(path), path

    def release(self) -> None:
        """The lease ends. Idempotent."""
        lease, self._lease = self._lease, None
        if lease is not None:
            lease[1].unlink(missing_ok=True)
            os.close(lease[0])

    @contextlib.contextmanager
    def using(self) -> Iterator[Callable[[str], None]]:
        """Within it nothing is pruned. What it gives is to be called with the name of each thing, before a look
        whether it is there."""
        with self._shared_gate():
            yield lambda name: (self._stamps / name).touch(mode=0o600)

    def prune(self, older_than_s: float, remove: _Remove) -> tuple[int, int]:
        """`remove` what was not used for so many seconds: how many things, and bytes.

        Where some session is just about to say what it uses, nothing is removed this time.
        """
        if not self._root.is_dir():
            return 0, 0
        self._gate.touch(mode=0o600)
        gate = try_acquire(self._gate)
        if gate is None:
            return 0, 0
        try:
            last = min(time.time() - older_than_s, self.leased_since())
            unused = [stamp for stamp in self._stamps.iterdir() if stamp.stat().st_mtime < last]
            freed = 0
            for stamp in unused:
                freed += remove(stamp.name)
                stamp.unlink()
            return len(unused), freed
        finally:
            os.close(gate)

    def due(self) -> bool:
        """Is it an hour or more since this was last said? Then it is time to tidy up."""
        if not self._root.is_dir():
            return False
        try:
            due = time.time() - self._mark.stat().st_mtime >= _TIDY_EVERY_S
        except FileNotFoundError:
            due = True
        if due:
            self._mark.touch(mode=0o600)
        return due

    def leased_since(self) -> float:
        """When the session began that has run longest (Unix seconds; infinity: none runs). Those whose process is gone
        are forgotten."""
        oldest = float("inf")
        if not self._leases.is_dir():
            return oldest
        for path in self._leases.iterdir():
            fd = try_acquire(path)
            if fd is not None:
                path.unlink(missing_ok=True)
                os.close(fd)
                continue
            with contextlib.suppress(FileNotFoundError):  # it has just ended
                oldest = min(oldest, path.stat().st_mtime)
        return oldest

    @contextlib.contextmanager
    def _shared_gate(self) -> Iterator[None]:
        fd = os.open(self._gate, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            yield
        finally:
            os.close(fd)
