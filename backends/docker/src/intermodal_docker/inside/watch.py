"""What process 1 waits for, in the words of an event loop of asyncio, so that both ends of a line are the same code."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

__all__ = ["Watch"]

_READ, _WRITE = select.POLLIN, select.POLLOUT


class Watch:
    """A loop of callbacks. asyncio itself would cost each container its import."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Callable[[], Any]] = {}
        self._writers: dict[int, Callable[[], Any]] = {}

    def add_reader(self, fd: int, callback: Callable[..., Any], *arguments: Any) -> None:
        """Call it whenever `fd` can be read, or has come to its end."""
        self._readers[fd] = lambda: callback(*arguments)
        self._register(fd)

    def remove_reader(self, fd: int) -> bool:
        """Call it no more."""
        there = self._readers.pop(fd, None) is not None
        self._register(fd)
        return there

    def add_writer(self, fd: int, callback: Callable[..., Any], *arguments: Any) -> None:
        """Call it whenever `fd` can be written."""
        self._writers[fd] = lambda: callback(*arguments)
        self._register(fd)

    def remove_writer(self, fd: int) -> bool:
        """Call it no more."""
        there = self._writers.pop(fd, None) is not None
        self._register(fd)
        return there

    def once(self, seconds: float | None = None) -> None:
        """Wait, and call what is due."""
        for fd, events in self._poll.poll(None if seconds is None else max(0.0, seconds) * 1000):
            if events & ~_WRITE and fd in self._readers:
                self._readers[fd]()
            if events & ~_READ and fd in self._writers:
                self._writers[fd]()

    def _register(self, fd: int) -> None:
        wanted = (_READ if fd in self._readers else 0) | (_WRITE if fd in self._writers else 0)
        if wanted:
            self._poll.register(fd, wanted)
        else:
            try:
                self._poll.unregister(fd)
            except KeyError:
                pass
