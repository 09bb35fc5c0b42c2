"""A process in a sandbox: its streams, and how it ended (sandbox.exec)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Literal

from intermodal.driver.sandboxes.streams import Stream
from intermodal.exception import Error
from intermodal.plugins.roles import ExecProcess

__all__ = ["NOT_STARTED", "TIMED_OUT", "Process"]

#: The exit code of what could not be started, as a shell has it; and of what took longer than it might.
NOT_STARTED, TIMED_OUT = 127, -1

#: Seconds in which what is left of the output of a process that took too long is taken in.
_REST_S = 1.0

Streams = dict[Literal[1, 2], Stream]


class Process:
    """All on the loop.

    Args:
        id: of the sandbox and a number.
        streams: its standard output and error go there.
        ended: is called once, with itself, when its exit code is known.
    """

    def __init__(self, id: str, streams: Streams, ended: Callable[[Process], None]) -> None:
        self.id = id
        self.streams = streams
        self.code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._inner: ExecProcess | None = None
        self._ended = ended
        self._late = False
        self._silent = False  #: its output has come to an end
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, inner: ExecProcess) -> None:
        """It was started."""
        self._inner = inner
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._pump(inner)), loop.create_task(self._watch(inner))]
        if self._late:  # it took that long to start
            self._kill()

    def fail(self, why: str) -> None:
        """It could not be started."""
        self.streams[2].feed(f"{why}\n".encode())
        self._finish(NOT_STARTED)
        self._end_streams()

    def time_out(self) -> None:
        """It has taken too long."""
        if not self.code.done():
            self._late = True
            self._kill()

    def _kill(self) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(self.signal(signal.SIGKILL)))

    async def signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if not self.code.done() and self._inner is not None:
            await self._inner.signal(number)

    async def write(self, data: bytes, eof: bool) -> None:
        """To its standard input. Raises `BrokenPipeError` where nobody reads that any more."""
        if self._inner is None or self.code.done():
            raise BrokenPipeError("the process has ended")
        if data:
            await self._inner.write(data)
        if eof:
            await self._inner.close_stdin()

    async def resize(self, rows: int, columns: int) -> None:
        """Of its terminal."""
        if self._inner is not None:
            await self._inner.resize(rows, columns)

    async def wait(self) -> int:
        """Its exit code. Output that nobody reads meanwhile is kept."""
        for stream in self.streams.values():
            stream.be_patient()
        try:
            return await asyncio.shield(self.code)
        finally:
            for stream in self.streams.values():
                stream.be_patient(False)

    async def close(self) -> None:
        """Its container is gone: take in what is left of its output."""
        for stream in self.streams.values():
            stream.be_patient()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self.code.done():
            self._finish(128 + signal.SIGKILL)
            self._end_streams()

    async def _pump(self, inner: ExecProcess) -> None:
        try:
            async for number, data in inner.output():
                self.streams[number].feed(data)
                await self.streams[number].room()
        finally:
            if self.code.done():
                self._end_streams()
            else:
                self._silent = True

    async def _watch(self, inner: ExecProcess) -> None:
        try:
            code = await inner.wait()
        except Error as error:
            with contextlib.suppress(OSError):
                self.streams[2].feed(f"{error}\n".encode())
            code = NOT_STARTED
        self._finish(TIMED_OUT if self._late else code)
        if self._silent:
            self._end_streams()
        elif self._late:  # what it has started may hold its streams open for ever
            pump = self._tasks[0]
            await asyncio.wait({pump}, timeout=_REST_S)
            pump.cancel()

    def _finish(self, code: int) -> None:
        if not self.code.done():
            self.code.set_result(code)
            self._ended(self)

    def _end_streams(self) -> None:
        for stream in self.streams.values():
            stream.end()
            stream.settle()
