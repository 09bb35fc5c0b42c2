"""Ports of this machine that lead to ports inside a sandbox (sandbox.net)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
from collections.abc import Sequence

from intermodal.driver.sandboxes.attending import inside
from intermodal.plugins.roles import Container, ExecProcess

__all__ = ["Tunnels"]

_HOST = "127.0.0.1"
_CHUNK = 1 << 16


class Tunnels:
    """A listener on the loopback for each port. A connection is a process inside that copies, so that it also reaches a
    sandbox without a network."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self.ports: dict[int, int] = {}

    async def open(self, ports: Sequence[int]) -> None:
        """Listen."""
        for port in ports:
            server = await asyncio.start_server(functools.partial(self._accept, port), _HOST)
            self._servers.append(server)
            self.ports[port] = int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Hang up everywhere."""
        for server in self._servers:
            server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._connect(port, reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connect(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            process = await self._container.exec(inside(self._container, f"relay.main({port})"), workdir="/")
            sending = asyncio.ensure_future(_send(process, reader))
            try:
                async for stream, data in process.output():
                    if stream == 1:
                        writer.write(data)
                        await writer.drain()
            except ConnectionError:  # the client is gone
                pass
            finally:
                sending.cancel()
                await process.signal(signal.SIGKILL)
                await asyncio.gather(sending, return_exceptions=True)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _send(process: ExecProcess, reader: asyncio.StreamReader) -> None:
    try:
        while data := await reader.read(_CHUNK):
            await process.write(data)
        await process.close_stdin()
    except (BrokenPipeError, ConnectionError):
        pass
