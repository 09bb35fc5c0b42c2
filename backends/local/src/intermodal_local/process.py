"""A process started in a running container, as the launcher hands it out."""

from __future__ import annotations

import asyncio
import collections
import fcntl
import os
import socket
import struct
import termios
from collections.abc import AsyncIterator
from typing import Literal

from intermodal.exception import BackendError
from intermodal_local.runtime import messages

_CHUNK = 1 << 16
_HIGH_WATER = 64

Piece = tuple[Literal[1, 2], bytes]


class LocalProcess:
    """See `intermodal.plugins.ExecProcess`. Output is read no faster than it is taken."""

    def __init__(self, control: socket.socket) -> None:
        """`control` is the end whose other end the process's watcher holds."""
        self._loop = asyncio.get_running_loop()
        self._control = control
        control.setblocking(False)
        self._loop.add_reader(control, self._told)
        self._input: int | None = None
        self._terminal = False
        self._readers: dict[int, Literal[1, 2]] = {}
        self._paused = False
        self._pieces: collections.deque[Piece] = collections.deque()
        self._changed = asyncio.Event()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._code: asyncio.Future[int] = self._loop.create_future()

    def attach_pipes(self, stdin: int, stdout: int, stderr: int) -> None:
        """Take over our ends of its standard streams."""
        self._input = stdin
        os.set_blocking(stdin, False)
        self._read_from(stdout, 1)
        self._read_from(stderr, 2)
        self._started.set_result(None)

    async def started(self) -> None:
        """Until its terminal exists. Raises `BackendError`."""
        await asyncio.shield(self._started)

    async def write(self, data: bytes) -> None:
        """See the protocol. Raises `BrokenPipeError` when nobody reads any more."""
        view = memoryview(data)
        while view:
            if self._input is None:
                raise BrokenPipeError("the standard input of this process is closed")
            try:
                view = view[os.write(self._input, view) :]
            except BlockingIOError:
                await self._writable(self._input)

    async def close_stdin(self) -> None:
        """See the protocol. On a terminal it types the end-of-file character."""
        if self._terminal:
            await self.write(b"\x04")
        elif self._input is not None:
            os.close(self._input)
            self._input = None

    async def output(self) -> AsyncIterator[Piece]:
        """See the protocol."""
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            self._resume()
            if not self._readers and self._started.done():
                return
            self._changed.clear()
            await self._changed.wait()

    async def resize(self, rows: int, columns: int) -> None:
        """See the protocol. Without a terminal nothing happens."""
        if self._terminal and self._input is not None:
            fcntl.ioctl(self._input, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def signal(self, number: int) -> None:
        """See the protocol."""
        if not self._code.done():
            messages.send(self._control, {"signal": number})

    async def wait(self) -> int:
        """See the protocol. Raises `BackendError` where it could not be started."""
        return await asyncio.shield(self._code)

    def _told(self) -> None:
        try:
            received = messages.receive(self._control)
        except BlockingIOError:
            return
        except OSError:
            received = None
        if received is not None and "pty" in received[0]:
            self._open_terminal(received[1][0])
            return
        self._loop.remove_reader(self._control)
        self._control.close()
        message = received[0] if received is not None else {"code": -9}
        if "error" in message:
            self._fail(str(message["error"]))
        elif not self._code.done():
            code = message["code"]
            self._code.set_result(code if code >= 0 else 128 - code)
        if not self._started.done():
            self._started.set_result(None)
        self._changed.set()

    def _fail(self, words: str) -> None:
        error = BackendError(f"could not start a process in the container: {words}")
        if not self._code.done():
            self._code.set_exception(error)
            self._code.exception()

    def _open_terminal(self, master: int) -> None:
        self._terminal = True
        self._input = master
        os.set_blocking(master, False)
        self._read_from(os.dup(master), 1)
        self._started.set_result(None)

    def _read_from(self, fd: int, stream: Literal[1, 2]) -> None:
        os.set_blocking(fd, False)
        self._readers[fd] = stream
        self._loop.add_reader(fd, self._read, fd)

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # a terminal whose other end is closed
            data = b""
        if data:
            self._pieces.append((self._readers[fd], data))
        else:
            self._loop.remove_reader(fd)
            del self._readers[fd]
            os.close(fd)
        if len(self._pieces) >= _HIGH_WATER and not self._paused:
            self._paused = True
            for reader in self._readers:
                self._loop.remove_reader(reader)
        self._changed.set()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            for reader in self._readers:
                self._loop.add_reader(reader, self._read, reader)

    async def _writable(self, fd: int) -> None:
        ready = self._loop.create_future()
        self._loop.add_writer(fd, ready.set_result, None)
        try:
            await ready
        finally:
            self._loop.remove_writer(fd)
