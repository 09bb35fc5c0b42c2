"""The launcher's connection to its supervisor."""

from __future__ import annotations

import asyncio
import collections
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from intermodal_local.runtime import messages

_MAIN = os.path.join(os.path.dirname(os.path.abspath(messages.__file__)), "supervisor_main.py")


class Link:
    """A running supervisor. Everything happens on the loop that it was opened on."""

    def __init__(
        self, options: dict[str, Any], receive: Callable[[dict[str, Any], list[int]], None], lost: Callable[[], None]
    ) -> None:
        """Start a supervisor and send it `options`. `receive` gets each message, `lost` is called once when it is
        gone."""
        self._loop = asyncio.get_running_loop()
        self._receive = receive
        self._lost = lost
        self._queue: collections.deque[tuple[dict[str, Any], list[int]]] = collections.deque()
        self._sock, theirs = messages.pair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", _MAIN, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        self._sock.setblocking(False)
        self._loop.add_reader(self._sock, self._readable)
        self.send(options)

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send soon, in order. Copies the descriptors if it cannot send at once."""
        if not self._queue:
            try:
                messages.send(self._sock, message, fds)
                return
            except BlockingIOError:
                self._loop.add_writer(self._sock, self._writable)
            except OSError:
                return  # it is gone: `lost` tells
        self._queue.append((message, [os.dup(fd) for fd in fds]))

    async def close(self) -> None:
        """Let the supervisor end everything, and wait until it has."""
        self._drop()
        self._process.send_signal(signal.SIGCONT)  # one that was stopped from outside would end nothing
        await self._loop.run_in_executor(None, self._process.wait)

    def reap(self) -> None:
        """Wait for the process, which has ended or is about to. Blocks."""
        self._process.wait()

    def _drop(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()
        while self._queue:
            for fd in self._queue.popleft()[1]:
                os.close(fd)

    def _writable(self) -> None:
        while self._queue:
            message, fds = self._queue[0]
            try:
                messages.send(self._sock, message, fds)
            except BlockingIOError:
                return
            except OSError:
                break
            self._queue.popleft()
            for fd in fds:
                os.close(fd)
        self._loop.remove_writer(self._sock)

    def _readable(self) -> None:
        for _ in range(64):
            try:
                received = messages.receive(self._sock)
            except BlockingIOError:
                return
            except OSError:
                received = None
            if received is None:
                self._drop()
                self._lost()
                return
            self._receive(*received)
