"""A supervisor's hold on one zygote: start it, feed it orders in turn, notice its end."""

from __future__ import annotations

import collections
import os
import signal
from typing import Any, Sequence

from intermodal_local.runtime import messages, zygote_start

#: Orders a zygote may have unanswered: enough to keep it busy, too few to fill both sockets.
_UNANSWERED = 16


class Nursery:
    """One zygote. `fileno` is its control socket."""

    def __init__(self, plan: zygote_start.ZygotePlan) -> None:
        """Start it. Raises `OSError`."""
        self.run = plan.run
        started = zygote_start.start(plan)
        self.pid = started.pid
        self.control = started.control
        self.ready = False
        self._waiting: collections.deque[tuple[dict[str, Any], list[int]]] = collections.deque()
        self._sent: set[str] = set()

    def fileno(self) -> int:
        """For a selector."""
        return self.control.fileno()

    def order(self, message: dict[str, Any], fds: Sequence[int]) -> None:
        """Pass on an order as soon as the zygote can take it. Takes the descriptors over."""
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

    def receive(self) -> tuple[dict[str, Any], list[int]] | None:
        """The next answer; None when the zygote is gone."""
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
        """Kill the zygote and, with it, all of its containers; wait until they are gone."""
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        self.control.close()
        while self._waiting:
            _close(self._waiting.popleft()[1])

    def last_words(self) -> str:
        """What it wrote before it ended."""
        try:
            with open(zygote_start.log_path(self.run)) as file:
                return file.read()[-2000:].strip()
        except OSError:
            return ""

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
