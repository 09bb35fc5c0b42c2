"""For launchers: the standard streams of containers, and of processes in them, as pipes and terminals of this machine.

Public to authors of backends.
"""

from __future__ import annotations

import asyncio
import collections
import fcntl
import os
import struct
import termios
from collections.abc import AsyncIterator, Callable
from typing import Literal

from intermodal.exception import BackendError
from intermodal.plugins.roles import OutputSink

__all__ = ["OutputPipes", "PipedProcess"]

_CHUNK = 1 << 16
_HIGH_WATER = 64

Piece = tuple[Literal[1, 2], bytes]


class OutputPipes:
    """The reading ends of a container's output. Use it on the loop only.

    Args:
        sink: is given what arrives.
        ended: called each time that one has come to its end.
    """

    def __init__(self, sink: OutputSink, ended: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._ended = ended
        self._open: set[int] = set()

    def watch(self, stream: Literal[1, 2], fd: int) -> None:
        """Take over a pipe's reading end."""
        os.set_blocking(fd, False)
        self._open.add(fd)
        self._loop.add_reader(fd, self._read, stream, fd)

    @property
    def over(self) -> bool:
        """Whether all that were watched have come to their end."""
        return not self._open

    def close(self) -> None:
        """Read no more."""
        for fd in list(self._open):
            self._close(fd)

    def _read(self, stream: Literal[1, 2], fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._sink(stream, data)
            return
        self._close(fd)
        self._ended()

    def _close(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        self._open.discard(fd)
        os.close(fd)


class PipedProcess:
    """See `intermodal.plugins.ExecProcess`. Output is read no faster than it is taken.

    Who starts the process calls `attach_pipes` or `attach_terminal`, and then `ended` or `failed`; all on the loop.

    Args:
        send_signal: sends the process a signal; called only while it has not ended.
        send_size: sets rows and columns of a terminal that is elsewhere, so that what `attach_terminal` got is only
            its stream; False, or None instead, where it got the terminal itself.
    """

    def __init__(self, send_signal: Callable[[int], None], send_size: Callable[[int, int], bool] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._send_signal = send_signal
        self._send_size = send_size
        self._input: int | None = None
        self._writing = 0
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

    def attach_terminal(self, master: int) -> None:
        """Take over the master of its terminal. One that comes when the process has ended, or again, is closed."""
        if self._started.done():
            os.close(master)
            return
        self._terminal = True
        self._input = master
        os.set_blocking(master, False)
        self._read_from(os.dup(master), 1)
        self._started.set_result(None)

    def ended(self, code: int) -> None:
        """It has ended: 0..255, or minus the signal's number."""
        if not self._code.done():
            self._code.set_result(code if code >= 0 else 128 - code)
        self._no_more()
        self._drop_input()

    def failed(self, words: str) -> None:
        """It could not be started, as `words` say."""
        if not self._code.done():
            self._code.set_exception(BackendError(f"could not start a process in the container: {words}"))
            self._code.exception()
        self._no_more()
        self._drop_input()

    async def started(self) -> None:
        """Until its streams are there."""
        await asyncio.shield(self._started)

    async def write(self, data: bytes) -> None:
        """See the protocol. Raises `BrokenPipeError` when nobody reads any more."""
        view = memoryview(data)
        self._writing += 1
        try:
            while view:
                if self._input is None:
                    raise BrokenPipeError("the standard input of this process is closed")
                try:
                    view = view[os.write(self._input, view) :]
                except BlockingIOError:
                    await self._writable(self._input)
        finally:
            self._writing -= 1
            if self._code.done():
                self._drop_input()

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
        if not self._terminal or self._input is None:
            return
        if self._send_size is None or not self._send_size(rows, columns):
            fcntl.ioctl(self._input, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def signal(self, number: int) -> None:
        """See the protocol."""
        if not self._code.done():
            self._send_signal(number)

    async def wait(self) -> int:
        """See the protocol. Raises `BackendError` where it could not be started."""
        return await asyncio.shield(self._code)

    def _drop_input(self) -> None:
        """Nobody reads it any more. Who is writing finds that out first."""
        if self._input is not None and not self._writing:
            os.close(self._input)
            self._input = None

    def _no_more(self) -> None:
        if not self._started.done():
            self._started.set_result(None)
        self._changed.set()

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
