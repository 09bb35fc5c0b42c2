"""Notices that blobs are being removed: who begins to use one meanwhile looks again afterwards.

A store cannot remove an object on a condition. So a sweep gives notice, looks at a blob, and removes it if it was not
used lately; a user marks a blob as used, waits until there is no notice, and looks whether it is still there. Whichever
came first: the sweep sees the mark, or the user sees the notice, or finds the blob gone and stores it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from intermodal.exception import BackendError
from intermodal.storage.s3.leases import clock
from intermodal.storage.s3.objects import Objects

__all__ = ["S3Sweeps"]

_PREFIX = "sweeps"
_RENEW_S = 30.0
_LIVES_S = 180.0  # longer than `_RENEW_S` and one removal with all its time-outs
_LOOK_AGAIN_S = 0.2


class S3Sweeps:
    """The notices of a storage."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    @contextlib.asynccontextmanager
    async def sweeping(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Within it this process removes what it looks at. What it gives is to be called before each look."""
        key = f"{_PREFIX}/{secrets.token_hex(8)}"
        noted = float("-inf")

        async def again() -> None:
            nonlocal noted
            if time.monotonic() - noted > _RENEW_S:
                await self._objects.write(key, b"")
                noted = time.monotonic()

        try:
            yield again
        finally:
            with contextlib.suppress(BackendError):  # it lapses by itself
                await self._objects.delete(key)

    async def over(self) -> None:
        """Wait until no sweep goes on that began before. One that was killed has lapsed after three minutes."""
        running = [each.key async for each in self._objects.list(_PREFIX)]
        while running and (running := [key for key in running if await self._is_running(key)]):
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _is_running(self, key: str) -> bool:
        found = await self._objects.head(key)
        if found is None:
            return False
        if found.modified >= await clock(self._objects) - _LIVES_S:
            return True
        await self._objects.delete(key)
        return False
