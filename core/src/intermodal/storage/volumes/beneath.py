"""Reading a directory that somebody else changes meanwhile: nothing outside it is ever opened.

A container goes on while what it wrote is published from the host. Were it read by path, then a link that the container
puts in the place of a directory or a file just looked at would publish the host's own files.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from intermodal.plugins.openat2 import open_below

__all__ = ["Beneath", "Changed", "children", "file", "link", "openable"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Names a file without opening it: what stands there may be a pipe or a device by now.
_NAMED = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL)


class Changed(Exception):
    """What was looked at is not there any more, or is something else."""


class Beneath:
    """What lies below the directory `root`. Paths are relative to it, "" is itself. Links are never followed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def directory(self, path: str) -> Iterator[int]:
        """A descriptor of the directory at `path`. Raises `Changed` where there is none."""
        top = os.open(self._root, _DIRECTORY)
        try:
            with _changing():
                fd = open_below(top, path or ".", _DIRECTORY, links="refused")
        finally:
            os.close(top)
        try:
            yield fd
        finally:
            os.close(fd)


def children(directory: int) -> dict[str, os.stat_result]:
    """What is in a directory, by name."""
    found: dict[str, os.stat_result] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # gone since
                found[entry.name] = entry.stat(follow_symlinks=False)
    return found


def link(directory: int, name: str) -> str:
    """Where a symbolic link leads. Raises `Changed`."""
    with _changing():
        return os.readlink(name, dir_fd=directory)


def file(directory: int, name: str, seen: os.stat_result) -> int:
    """A descriptor that names the plain file which was `seen` here; `openable` is its path. Raises `Changed`."""
    with _changing():
        fd = os.open(name, _NAMED, dir_fd=directory)
    there = os.fstat(fd)
    if not stat.S_ISREG(there.st_mode) or (there.st_dev, there.st_ino) != (seen.st_dev, seen.st_ino):
        os.close(fd)
        raise Changed(name)
    return fd


def openable(fd: int) -> Path:
    """A path that opens the file which `fd` names, and no other."""
    return Path(f"/proc/self/fd/{fd}")


@contextmanager
def _changing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _GONE:
            raise Changed(error.filename) from error
        raise
