"""The built-in `Storage`: blobs and references in the data directory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from intermodal.storage.blobs import CHUNK, BlobDirectory
from intermodal.storage.refs import RefDirectory

__all__ = ["DirectoryStorage"]


class DirectoryStorage:
    """`intermodal.plugins.Storage` in the directories `blobs` and `refs` of `data_dir`, which several engines share.

    A blob is whole or not there after a kill at any moment. Blobs are not forced to the disk one by one: after a power
    failure a read may find a damaged one, says so (`BackendError`) and removes it. References are forced to the disk.
    """

    def __init__(self, data_dir: Path) -> None:
        self.blobs = BlobDirectory(data_dir / "blobs")  #: the blocking view, and the `Blobs` that builders read
        self._refs = RefDirectory(data_dir / "refs")

    async def put(self, data: bytes | Path) -> str:
        """Store; the SHA-256 in hex."""
        return await asyncio.to_thread(self.blobs.put, data)

    async def get(self, blob: str) -> bytes:
        """All bytes. Raises `KeyError` (unknown) or `BackendError` (damaged)."""
        return await asyncio.to_thread(self.blobs.get, blob)

    async def has(self, blob: str) -> bool:
        """Is it stored?"""
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

    async def close(self) -> None:
        """Nothing is held open."""
