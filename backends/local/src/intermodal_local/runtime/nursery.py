"""A supervisor's hold on one zygote or snapshot template: feed it orders in turn, notice its end."""

from __future__ import annotations

import collections
import os
import select
import signal
import socket
from collections.abc import Sequence
from typing import Any

from intermodal_local.runtime import messages

#: Orders it may have unanswered: enough to keep it busy, too few to fill both sockets.
_UNANSWERED = 16

Order = dict[str, Any]


class Nursery:
    """One process that forks containers."""

    def __init__(self, control: socket.socket, pidfd: int = -1, child: int | None = None) -> None:
        """`control` is our end of its socket, `child` its process id where it is our own child."""
        self.control = control
        self.pidfd = pidfd
        self.ready = False
        self.child = child
        self._waiting: collections.deque[tuple[Order, list[int]]] = collections.deque()
        self._sent: set[str] = set()

    def order(self, message: Order, fds: Sequence[int]) -> None:
        """Pass on an order as soon as it can be taken. Takes the descriptors over."""
        self._waiting.append((message, list(fds)))
        self._feed()

    def withdraw(self, name: str) -> bool:
        """Forget an order that was not passed on yet; False where it was."""
        for item in self._waiting:
            if item[0]["id"] == name:
                self._waiting.remove(item)
                _close(item[1])
                return True
        return False

    def take_back(self) -> list[tuple[Order, list[int]]]:
        """The orders that were not passed on, with their descriptors, to give them to another."""
        orders = list(self._waiting)
        self._waiting.clear()
        return orders

    def receive(self) -> tuple[Order, list[int]] | None:
        """The next answer; None when it is gone."""
        try:
            received = messages.receive(self.control)
        except ConnectionError:
            return None
        if received is None:
            return None
        message, fds = received
        if message["t"] == "ready":
            self.ready = True
        else:
            self._sent.discard(message["id"])
        self._feed()
        return message, fds

    def end(self) -> None:
        """Kill it and, with it, all of its containers; wait until they are gone. Idempotent."""
        if self.pidfd >= 0:
            try:
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass
            select.select([self.pidfd], [], [])
            os.close(self.pidfd)
            self.pidfd = -1
        if self.child is not None:
            os.waitpid(self.child, 0)
            self.child = None
        self.control.close()
        for _, fds in self.take_back():
            _close(fds)

    def _feed(self) -> None:
        while self.ready and self._waiting and len(self._sent) < _UNANSWERED:
            message, fds = self._waiting.popleft()
            try:
                messages.send(self.control, message, fds)
                self._sent.add(message["id"])
            except OSError:
                pass  # it is gone: the end of its socket is noticed next
            finally:
                _close(fds)


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        os.close(fd)
