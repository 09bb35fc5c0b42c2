"""A process in a sandbox of another session, for a terminal of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from intermodal.client.api import Client, Reply
from intermodal.client.completion import run_async
from intermodal.driver import terminals

__all__ = ["AttachedProcess", "run_attached"]

_CHUNK = 1 << 16


class AttachedProcess:
    """See `intermodal.plugins.ExecProcess`."""

    def __init__(self, client: Client, sandbox: str, process: str) -> None:
        self._client = client
        self._of = {"id": sandbox, "process": process}

    async def write(self, data: bytes) -> None:
        """See the protocol."""
        await self._ask("write", (data,), eof=False)

    async def close_stdin(self) -> None:
        """See the protocol."""
        await self._ask("write", eof=True)

    async def output(self) -> AsyncIterator[tuple[Literal[1, 2], bytes]]:
        """See the protocol."""
        pieces: asyncio.Queue[tuple[Literal[1, 2], bytes]] = asyncio.Queue(1)

        async def read(stream: Literal[1, 2]) -> None:
            offset = 0
            while True:
                data = bytes((await self._ask("read", stream=stream, offset=offset, limit=_CHUNK)).segments[0])
                offset += len(data)
                await pieces.put((stream, data))
                if not data:
                    return

        readers = [asyncio.ensure_future(read(1)), asyncio.ensure_future(read(2))]
        try:
            open_streams = 2
            while open_streams:
                coming = asyncio.ensure_future(pieces.get())
                await asyncio.wait(
                    {coming, *(each for each in readers if not each.done())}, return_when="FIRST_COMPLETED"
                )
                failed = [each for each in readers if each.done() and each.exception() is not None]
                if failed:
                    coming.cancel()
                    failed[0].result()
                stream, data = await coming
                open_streams -= not data
                if data:
                    yield stream, data
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def resize(self, rows: int, columns: int) -> None:
        """See the protocol."""
        await self._ask("resize", rows=rows, columns=columns)

    async def signal(self, number: int) -> None:
        """See the protocol."""
        await self._ask("signal", signal=number)

    async def wait(self) -> int:
        """See the protocol."""
        return int((await self._ask("wait")).value["code"])

    async def _ask(self, operation: str, segments: Sequence[bytes] = (), **params: Any) -> Reply:
        async def work() -> Reply:
            return await self._client.request(f"sandbox.{operation}", {**self._of, **params}, segments)

        return await run_async(work())


def run_attached(client: Client, sandbox: str, argv: Sequence[str]) -> int:
    """Run `argv` in a sandbox on this process's terminal, or standard streams; its exit code."""

    async def start(env: Mapping[str, str], size: tuple[int, int] | None) -> AttachedProcess:
        params = {
            "id": sandbox,
            "argv": list(argv),
            "env": dict(env),
            "terminal": None if size is None else list(size),
        }

        async def ask() -> Reply:
            return await client.request("sandbox.exec", params)

        return AttachedProcess(client, sandbox, str((await run_async(ask())).value["process"]))

    return asyncio.run(terminals.run(start))
