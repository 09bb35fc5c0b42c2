"""The container's one event loop, made when async user code first needs it; enters, inputs and exits share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

__all__ = ["container_loop", "run_in_loop"]

_loop: list[asyncio.AbstractEventLoop] = []


def container_loop() -> asyncio.AbstractEventLoop:
    """The loop, on the main thread."""
    if not _loop:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        _loop.append(loop)
    return _loop[0]


def run_in_loop(awaitable: Awaitable[Any]) -> Any:
    """Run one awaitable to its end on the loop."""

    async def whole() -> Any:
        return await awaitable

    return container_loop().run_until_complete(whole())
