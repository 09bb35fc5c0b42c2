"""Leases as objects that their holders renew: what is used since the oldest one began stays."""

from __future__ import annotations

import asyncio
import contextlib
import secrets

from intermodal.exception import BackendError
from intermodal.storage.s3.objects import Object, Objects

__all__ = ["S3Leases", "clock"]

_PREFIX = "leases"
_RENEW_S = 300.0
_LIVES_S = 1800.0  # since its last renewal: a holder may miss a few


async def clock(objects: Objects) -> float:
    """The store's clock, in Unix seconds: what its objects are stamped with."""
    await objects.write("clock", b"")
    found = await objects.head("clock")
    if found is None:
        raise BackendError(
            f"{objects.place}: an object that was just written is not there: check what may be read there"
        )
    return found.modified


class S3Leases:
    """The leases of a storage, and this process's own."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._key = f"{_PREFIX}/{secrets.token_hex(8)}"
        self._renewing: asyncio.Task[None] | None = None

    @property
    def held(self) -> bool:
        """Has this process one?"""
        return self._renewing is not None

    async def take(self) -> None:
        """From now on, until `release`, or half an hour after the end of this process. Idempotent."""
        if self._renewing is None:
            await self._objects.write(self._key, b"")
            since = (await self._objects.head(self._key) or Object("", 0, 0.0, "")).modified
            await self._objects.write(self._key, str(since).encode())
            self._renewing = asyncio.create_task(self._renew(since))

    async def release(self) -> None:
        """Idempotent."""
        renewing, self._renewing = self._renewing, None
        if renewing is not None:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
            with contextlib.suppress(BackendError):  # it lapses by itself
                await self._objects.delete(self._key)

    async def since(self) -> float:
        """When the oldest that lives began; infinity where there is none. Lapsed ones are removed."""
        now, oldest = await clock(self._objects), float("inf")
        async for lease in self._objects.list(_PREFIX):
            if lease.modified < now - _LIVES_S:
                await self._objects.delete(lease.key)
                continue
            found = await self._objects.read(lease.key)
            if found is not None:
                oldest = min(oldest, float(found[0] or lease.modified))
        return oldest

    async def _renew(self, since: float) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            with contextlib.suppress(BackendError):  # the store is away: it may be back in time
                await self._objects.write(self._key, str(since).encode())
