"""Containers that were launched and that nobody will get."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

from intermodal.plugins.roles import Container

__all__ = ["discard", "to_the_end"]


async def discard(container: Container, *then: Awaitable[None]) -> None:
    """End it, and wait for `then`; returns when nothing is left of it, however often that is cancelled."""
    await to_the_end(_discard(container, then))


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` however often whoever waits for it is cancelled, who hears of that afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


async def _discard(container: Container, then: tuple[Awaitable[None], ...]) -> None:
    await container.kill()
    container.stream.close()
    await container.wait()
    for each in then:
        await each
