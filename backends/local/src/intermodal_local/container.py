"""A running container as the launcher hands it out."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from intermodal.plugins.roles import ContainerExit, ExecProcess, OutputSink

_CHUNK = 1 << 16


class LocalContainer:
    """See `intermodal.plugins.Container`."""

    def __init__(self, name: str, stream: socket.socket, output: OutputSink, send: Callable[[dict[str, Any]], None]) -> None:
        self._id = name
        self._stream = stream
        self._sink = output
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[ContainerExit] = self._loop.create_future()
        self._open: set[int] = set()
        self._ending: ContainerExit | None = None

    @property
    def id(self) -> str:
        """The spec's id."""
        return self._id

    @property
    def stream(self) -> socket.socket:
        """The guest's stream, of the local family: descriptors may pass."""
        return self._stream

    def watch(self, number: Literal[1, 2], fd: int) -> None:
        """Give to the sink what arrives at `fd`, a pipe's reading end that this object takes over."""
        os.set_blocking(fd, False)
        self._open.add(fd)
        self._loop.add_reader(fd, self._read, number, fd)

    async def wait(self) -> ContainerExit:
        """See the protocol."""
        return await asyncio.shield(self._exit)

    async def kill(self) -> None:
        """See the protocol."""
        self._send({"t": "kill", "id": self._id})

    async def set_parked(self, parked: bool) -> None:
        """See the protocol."""
        self._send({"t": "parked", "id": self._id, "parked": parked})

    async def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, workdir: str | None = None, pty: bool = False
    ) -> ExecProcess:
        """See the protocol."""
        raise NotImplementedError

    def ended(self, ending: ContainerExit) -> None:
        """The supervisor told how it ended; `wait` returns when the last output was read too."""
        self._ending = ending
        self._settle()

    def abandon(self) -> None:
        """Close what was opened for a container that never was."""
        for fd in list(self._open):
            self._close(fd)
        self._stream.close()

    def _read(self, number: Literal[1, 2], fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._sink(number, data)
            return
        self._close(fd)
        self._settle()

    def _close(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        self._open.discard(fd)
        os.close(fd)

    def _settle(self) -> None:
        if self._ending is not None and not self._open and not self._exit.done():
            self._exit.set_result(self._ending)
