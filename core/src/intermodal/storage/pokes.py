"""Pokes between processes: one FIFO each, which the kernel declares dead together with its reader."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from pathlib import Path

__all__ = ["Pokes"]

_STALE_S = 60.0  # between making a FIFO and opening it lie microseconds; what is left unopened after this was killed


class Pokes:
    """This process's FIFO in `directory`, and a way to those of others. A poke has no content: one is enough."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self.name = f"{os.getpid()}-{secrets.token_hex(4)}"  #: of this process among those that share the directory
        hidden = directory / f".{self.name}"
        os.mkfifo(hidden, 0o600)
        self._fd = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # a writer of its own: it never reads EOF
        os.rename(hidden, directory / self.name)  # whoever sees the name finds a reader

    def fileno(self) -> int:
        """Readable when this process was poked."""
        return self._fd

    def drain(self) -> None:
        """Take all pokes that came."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._fd, 4096):
                pass

    def poke(self, name: str) -> bool:
        """Wake that process; False where it is no more."""
        return _poke(self._directory / name, b"\0")

    def living(self) -> set[str]:
        """The names of the processes that are there. Removes what killed ones left."""
        living = set()
        for path in self._directory.iterdir():
            if _poke(path, b""):
                living.add(path.name)
            elif not path.name.startswith(".") or _age_s(path) > _STALE_S:
                path.unlink(missing_ok=True)
        return living

    def close(self) -> None:
        """This process is no longer there."""
        (self._directory / self.name).unlink(missing_ok=True)
        os.close(self._fd)


def _poke(path: Path, data: bytes) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return False
        raise
    try:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # full of pokes already; or gone this very moment
            os.write(fd, data)
    finally:
        os.close(fd)
    return True


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
