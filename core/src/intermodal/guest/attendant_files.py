"""Files of a sandbox, by numbers that `open` gives (sandbox.files). Paths are relative to `/`.

Standard library only and Python 3.10 syntax.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
from collections.abc import Callable
from typing import IO, Any

__all__ = ["Files"]

#: What `open` takes, besides "b", which changes nothing here: whoever reads text decodes it.
_MODES = {"r", "w", "a", "x", "r+", "w+", "a+", "x+"}


class Files:
    """The open files of one connection, with numbers above `after`."""

    def __init__(self, after: int = 0) -> None:
        self._open: dict[int, IO[bytes]] = {}
        self._last = after

    def operations(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        names = ("open", "read", "readline", "write", "seek", "flush", "close", "ls", "mkdir", "rm", "stat")
        return {name: getattr(self, name) for name in names}

    def open(self, path: str, mode: str) -> int:
        """A file's number."""
        plain = mode.replace("b", "").replace("t", "")
        if plain not in _MODES:
            raise ValueError(f"no mode to open a file in: {mode!r}")
        file = open(_path(path), plain + "b", opener=_opener)  # noqa: SIM115 - `close` closes it
        self._last += 1
        self._open[self._last] = file
        return self._last

    def read(self, file: int, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        return self._file(file).read(size)

    def readline(self, file: int) -> bytes:
        """With its newline; nothing at the end."""
        return self._file(file).readline()

    def write(self, data: bytes, file: int) -> int:
        """How many."""
        return self._file(file).write(data)

    def seek(self, file: int, offset: int, whence: int) -> int:
        """Where it is then, in bytes."""
        return self._file(file).seek(offset, whence)

    def flush(self, file: int) -> None:
        """Others see what was written."""
        self._file(file).flush()

    def close(self, file: int) -> None:
        """Idempotent."""
        found = self._open.pop(file, None)
        if found is not None:
            found.close()

    def ls(self, path: str) -> list[str]:
        """Names in a directory, in order."""
        return sorted(os.listdir(_path(path)))

    def mkdir(self, path: str, parents: bool) -> None:
        """With `parents`, one that is there is fine."""
        if parents:
            os.makedirs(_path(path), exist_ok=True)
        else:
            os.mkdir(_path(path))

    def rm(self, path: str, recursive: bool) -> None:
        """A directory only with `recursive`."""
        place = _path(path)
        if os.path.isdir(place) and not os.path.islink(place):
            if not recursive:
                raise IsADirectoryError(21, "Is a directory: remove it with recursive=True", place)
            shutil.rmtree(place)
        else:
            os.remove(place)

    def stat(self, path: str) -> dict[str, Any]:
        """Kind, size in bytes, permissions, and when it was changed in Unix seconds."""
        found = os.lstat(_path(path))
        kind = "directory" if stat.S_ISDIR(found.st_mode) else "link" if stat.S_ISLNK(found.st_mode) else "file"
        return {"kind": kind, "size": found.st_size, "mode": stat.S_IMODE(found.st_mode), "mtime": found.st_mtime}

    def _file(self, number: int) -> IO[bytes]:
        found = self._open.get(number)
        if found is None:
            raise io.UnsupportedOperation("this file is closed")
        return found


def _path(path: str) -> str:
    return os.path.join("/", path)


def _opener(path: str, flags: int) -> int:
    """A descriptor of anything but a pipe, whose opening and reading would keep all others waiting."""
    fd = os.open(path, flags | os.O_NONBLOCK)
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "Is a pipe: let a program in the sandbox read or write it", path)
    os.set_blocking(fd, True)
    return fd
