"""Reading a directory that somebody else changes meanwhile: nothing outside it is ever opened.

A container goes on while what it wrote is published from the host. Were it read by path, then a link that the container
puts in the place of a directory or a file just looked at would publish the host's own files.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Beneath", "Changed", "children", "file", "link", "openable"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Names a file without opening it: what stands there may be a pipe or a device by now.
_NAMED = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_RESOLVE_NO_SYMLINKS = 4
_OPENAT2 = 437  # on every kind of machine
_HOW = struct.pack("=QQQ", _DIRECTORY, 0, _RESOLVE_NO_SYMLINKS)
_libc = ctypes.CDLL(None, use_errno=True)
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
                fd = _open_beneath(top, path or ".")
        finally:
            os.close(top)
        try:
            yield fd
        finally:
            os.close(fd)


def _open_beneath(top: int, path: str) -> int:
    """`openat2`, which every kernel has that mounts volumes: no part of the path may be a link."""
    fd: int = _libc.syscall(_OPENAT2, top, os.fsencode(path), _HOW, len(_HOW))
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return fd


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
