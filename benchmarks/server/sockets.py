"""Many WebSockets at once, with an echo on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect

__all__ = ["opened"]


async def opened(url: str, count: int, while_open: Callable[[], float]) -> tuple[int, float]:
    """How many of `count` gave their echo back, all being open; and what `while_open` says then."""
    gate = asyncio.Semaphore(50)

    async def open_one() -> ClientConnection:
        async with gate:
            return await connect(url, proxy=None, open_timeout=60, ping_interval=None)

    lines = await asyncio.gather(*(open_one() for _ in range(count)))

    async def echo(number: int, line: ClientConnection) -> bool:
        await line.send(str(number))
        return await asyncio.wait_for(line.recv(), 60) == str(number)

    good = await asyncio.gather(*(echo(number, line) for number, line in enumerate(lines)))
    seen = while_open()
    await asyncio.gather(*(line.close() for line in lines))
    return sum(good), seen
