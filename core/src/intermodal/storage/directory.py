"""The built-in `Storage`: blobs and references in the data directory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from intermodal.plugins import StoredBlob
from intermodal.storage.blobs import CHUNK, BlobDirectory
from intermodal.storage.refs import RefDirectory
from intermodal.storage.uses import Uses

__all__ = ["DirectoryStorage"]


class DirectoryStorage:
    """`intermodal.plugins.CollectableStorage` in the directories `blobs` and `refs` of `data_dir`, which several
    engines share.

    A blob is whole or not there after a kill at any moment. Blobs are not forced to the disk one by one: after a power
    failure a read may find a damaged one, says so (`DamagedBlobError`) and removes it. References are forced to it.
    """

    def __init__(self, data_dir: Path) -> None:
        self.blobs = BlobDirectory(data_dir / "blobs")  #: the blocking view, and the `Blobs` that builders read
        self._refs = RefDirectory(data_dir / "refs")
        self._uses = Uses(data_dir)

    async def put(self, data: bytes | Path) -> str:
        """Store; the SHA-256 in hex."""
        return await asyncio.to_thread(self.blobs.put, data)

    async def put_many(self, contents: Sequence[bytes | Path]) -> list[str]:
        """Store several; the SHA-256 of each in hex."""
        return await asyncio.to_thread(self.blobs.put_many, contents)

    async def get(self, blob: str) -> bytes:
        """All bytes. Raises `KeyError` (unknown) or `DamagedBlobError`."""
        return await asyncio.to_thread(self.blobs.get, blob)

    async def has(self, blob: str) -> bool:
        """Is it stored? If so, it counts as used now."""
        return await asyncio.to_thread(self.blobs.has, blob)

    async def stream(self, blob: str, chunk: int = CHUNK) -> AsyncIterator[bytes]:
        """The bytes in pieces of `chunk`; the last one comes only if all of them fit the name. Raises like `get`."""
        pieces = self.blobs.chunks(blob, chunk)
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece
        finally:
            await asyncio.to_thread(pieces.close)

    async def read_ref(self, name: str) -> str | None:
        """The reference's value, or None."""
        return await asyncio.to_thread(self._refs.read, name)

    async def swap_ref(self, name: str, expected: str | None, value: str | None) -> bool:
        """Move a reference if it is `expected` now; None stands for no reference."""
        return await asyncio.to_thread(self._refs.swap, name, expected, value)

    async def refs(self) -> list[str]:
        """The names of all references."""
        return await asyncio.to_thread(self._refs.names)

    async def list_blobs(self) -> AsyncIterator[StoredBlob]:
        """Every blob."""
        for found in await asyncio.to_thread(lambda: list(self.blobs.all())):
            yield found

    async def remove(self, blobs: Sequence[str], before: float) -> dict[str, int]:
        """Forget those that were last put or asked for before then; the bytes that each of them frees."""
        return await asyncio.to_thread(self.blobs.remove, blobs, before)

    async def now(self) -> float:
        """This machine's clock, which stamps its files."""
        return time.time()

    async def lease(self) -> None:
        """What is used from now on stays until `close`, or the end of this process."""
        await asyncio.to_thread(self._uses.lease)

    async def leased_since(self) -> float:
        """When the oldest lease of this data directory began, sessions' among them; infinity where there is none."""
        return await asyncio.to_thread(self._uses.leased_since)

    async def close(self) -> None:
        """Let go of the lease. Idempotent."""
        self._uses.release()
