"""Many files into a storage at once: what a call costs besides the bytes is shared by all of a group."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from intermodal.plugins import Storage

__all__ = ["BatchingStorage", "put_all"]

_GROUP = 256
_AT_ONCE = 8


@runtime_checkable
class BatchingStorage(Protocol):
    """A `Storage` that takes many blobs in one call. It may raise after it has stored some of them."""

    async def put_many(self, contents: Sequence[bytes | Path]) -> list[str]:
        """Store; the SHA-256 of each in hex."""
        ...


async def put_all(storage: Storage, contents: Sequence[bytes | Path]) -> list[str]:
    """Store all; the SHA-256 of each in hex. Raises what `Storage.put` raises."""
    if isinstance(storage, BatchingStorage):
        groups = [contents[start : start + _GROUP] for start in range(0, len(contents), _GROUP)]
        return [blob for group in groups for blob in await storage.put_many(group)]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def put(content: bytes | Path) -> str:
        async with gate:
            return await storage.put(content)

    return await asyncio.gather(*(put(content) for content in contents))
