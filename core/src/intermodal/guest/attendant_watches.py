"""Changes of a sandbox's files as the kernel tells them (sandbox.files). Standard library only, Python 3.10 syntax."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Watches"]

_EVENT = struct.Struct("iIII")
_ACCESS, _MODIFY, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 1, 2, 0x40, 0x80, 0x100, 0x200
_ISDIR = 0x40000000
_KINDS = {
    _ACCESS: "Access",
    _MODIFY: "Modify",
    _CREATE: "Create",
    _MOVED_TO: "Create",
    _DELETE: "Remove",
    _MOVED_FROM: "Remove",
}
_ALL = _ACCESS | _MODIFY | _CREATE | _MOVED_TO | _DELETE | _MOVED_FROM


class Watches:
    """The watches of one connection, by numbers above `after`."""

    def __init__(self, after: int = 0) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._watches: dict[int, _Watch] = {}
        self._last = after

    def operations(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"watch": self.watch, "changes": self.changes, "unwatch": self.unwatch}

    def watch(self, path: str, recursive: bool) -> int:
        """From now on changes of `path` are noted; its number."""
        made = _Watch(self._libc, os.path.join("/", path), recursive)
        self._last += 1
        self._watches[self._last] = made
        return self._last

    def changes(self, watch: int, timeout: float) -> list[list[str]]:
        """Kind and path of the next ones; waits for the first, at most so many seconds."""
        found = self._watches.get(watch)
        return found.changes(timeout) if found is not None else []

    def unwatch(self, watch: int) -> None:
        """Idempotent."""
        found = self._watches.pop(watch, None)
        if found is not None:
            found.close()


class _Watch:
    def __init__(self, libc: Any, path: str, recursive: bool) -> None:
        self._libc = libc
        self._recursive = recursive
        self._folders: dict[int, str] = {}
        self._fd = self._call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._add(path)
        except OSError:
            os.close(self._fd)
            raise

    def changes(self, timeout: float) -> list[list[str]]:
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if not select.select([self._fd], [], [], max(0.0, left))[0]:
                return []
            found = self._read()
            if found:
                return found

    def close(self) -> None:
        os.close(self._fd)

    def _read(self) -> list[list[str]]:
        data, found, at = os.read(self._fd, 1 << 16), [], 0
        while at < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size
            name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
            at += length
            folder = self._folders.get(number)
            kind = _KINDS.get(mask & _ALL)
            if folder is None or kind is None:
                continue
            path = os.path.join(folder, name) if name else folder
            if self._recursive and kind == "Create" and mask & _ISDIR:
                self._try_add(path)
            if kind != "Access" or not mask & _ISDIR:
                found.append([kind, path])
        return found

    def _add(self, path: str) -> None:
        self._folders[self._call("inotify_add_watch", self._fd, os.fsencode(path), _ALL)] = path
        if self._recursive and os.path.isdir(path):
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        self._try_add(entry.path)

    def _try_add(self, path: str) -> None:
        try:
            self._add(path)
        except OSError:  # gone again
            pass

    def _call(self, name: str, *arguments: Any) -> int:
        result = int(getattr(self._libc, name)(*arguments))
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), arguments[1] if len(arguments) > 1 else None)
        return result
