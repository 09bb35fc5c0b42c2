"""Blobs and references in a bucket."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from intermodal.exception import DamagedBlobError, InvalidError
from intermodal.plugins import StoredBlob
from intermodal.storage.blobs import CHUNK, check_id, unknown
from intermodal.storage.s3.leases import S3Leases, clock
from intermodal.storage.s3.objects import Objects
from intermodal.storage.s3.refs import S3Refs
from intermodal.storage.s3.sweeps import S3Sweeps

__all__ = ["S3Storage"]

_BLOBS, _USES = "blobs", "uses"
_AT_ONCE = 16 << 20  # larger ones are sent in parts


class S3Storage:
    """`intermodal.plugins.CollectableStorage` below a prefix of a bucket, which any number of machines share.

    `blobs/XX/HASH` is a blob; the modification time of the empty `uses/HASH` says when it was last asked for. A damaged
    blob is not removed, since the fault may be on the way; the next put of its bytes by this process replaces it.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._refs = S3Refs(objects)
        self._leases = S3Leases(objects)
        self._sweeps = S3Sweeps(objects)
        self._used: set[str] = set()  # since this process took its lease
        self._damaged: set[str] = set()

    async def put(self, data: bytes | Path) -> str:
        """Store; the SHA-256 in hex."""
        if isinstance(data, Path) and data.stat().st_size <= _AT_ONCE:
            data = await asyncio.to_thread(data.read_bytes)
        if isinstance(data, Path):
            blob, size = await asyncio.to_thread(_measure, data)
        else:
            blob, size = await asyncio.to_thread(_hash, data), len(data)
        if not await self._use(blob, size):
            await self._objects.write(_key(blob), _unchanged(data, blob) if isinstance(data, Path) else data)
            self._damaged.discard(blob)
            self._used.add(blob)
        return blob

    async def get(self, blob: str) -> bytes:
        """All bytes. Raises `KeyError` (unknown) or `DamagedBlobError`."""
        found = await self._objects.read(_key(check_id(blob)))
        if found is None:
            raise unknown(blob)
        if await asyncio.to_thread(_hash, found[0]) != blob:
            raise self._damage(blob)
        return found[0]

    async def has(self, blob: str) -> bool:
        """Is it stored? If so, it counts as used now."""
        return await self._use(check_id(blob))

    async def stream(self, blob: str, chunk: int = CHUNK) -> AsyncIterator[bytes]:
        """The bytes in pieces of about `chunk`; the last one comes only if all fit the name. Raises like `get`."""
        digest, last = hashlib.sha256(), b""
        try:
            async for piece in self._objects.pieces(_key(check_id(blob)), chunk):
                if last:
                    yield last
                digest.update(piece)
                last = piece
        except KeyError:
            raise unknown(blob) from None
        if digest.hexdigest() != blob:
            raise self._damage(blob)
        if last:
            yield last

    async def read_ref(self, name: str) -> str | None:
        """The reference's value, or None."""
        return await self._refs.read(name)

    async def swap_ref(self, name: str, expected: str | None, value: str | None) -> bool:
        """Move a reference if it is `expected` now; None stands for no reference."""
        return await self._refs.swap(name, expected, value)

    async def refs(self) -> list[str]:
        """The names of all references."""
        return await self._refs.names()

    async def list_blobs(self) -> AsyncIterator[StoredBlob]:
        """Every blob."""
        uses = {use.key.rpartition("/")[2]: use.modified async for use in self._objects.list(_USES)}
        async for found in self._objects.list(_BLOBS):
            blob = found.key.rpartition("/")[2]
            yield StoredBlob(id=blob, size=found.size, used=max(found.modified, uses.get(blob, 0.0)))

    async def remove(self, blobs: Sequence[str], before: float) -> dict[str, int]:
        """Forget those that were last put or asked for before then; the bytes that each of them frees."""
        removed = {}
        async with self._sweeps.sweeping() as again:
            for blob in blobs:
                await again()
                size = await self._remove(blob, before)
                if size is not None:
                    removed[blob] = size
        return removed

    async def _remove(self, blob: str, before: float) -> int | None:
        found, use = await self._objects.head(_key(check_id(blob))), await self._objects.head(f"{_USES}/{blob}")
        if found is None or max(found.modified, use.modified if use else 0.0) >= before:
            return None
        await self._objects.delete(found.key)
        self._used.discard(blob)
        if use is not None:
            await self._objects.delete(use.key)
        return found.size

    async def now(self) -> float:
        """The store's clock."""
        return await clock(self._objects)

    async def lease(self) -> None:
        """What is used from now on stays, until `close`, or half an hour after the end of this process."""
        if not self._leases.held:
            self._used.clear()
            await self._leases.take()

    async def leased_since(self) -> float:
        """When the oldest lease began that lives, on any machine; infinity where there is none."""
        return await self._leases.since()

    async def close(self) -> None:
        """Let go of the lease. Idempotent."""
        await self._leases.release()

    async def _use(self, blob: str, size: int | None = None) -> bool:
        """Is it here, with this size, and will it stay? Then it counts as used."""
        found = await self._objects.head(_key(blob))
        if found is None or (size is not None and found.size != size) or blob in self._damaged:
            return False
        if not (self._leases.held and blob in self._used):
            await self._objects.write(f"{_USES}/{blob}", b"")
            await self._sweeps.over()
            if await self._objects.head(_key(blob)) is None:
                return False
            self._used.add(blob)
        return True

    def _damage(self, blob: str) -> DamagedBlobError:
        self._damaged.add(blob)
        return DamagedBlobError(
            f"blob {blob}: what {self._objects.place} has under this name has other bytes (a fault of the store or the "
            "network, or something wrote to it): run again, and what comes from your own files is stored anew. "
            "`intermodal storage verify` tells what else is damaged"
        )


def _key(blob: str) -> str:
    return f"{_BLOBS}/{blob[:2]}/{blob}"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _measure(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def _unchanged(path: Path, blob: str) -> Iterator[bytes]:
    """A file's bytes. Raises `InvalidError`, before the last of them, where they are not those that were hashed."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        piece = file.read(CHUNK)
        while piece:
            digest.update(piece)
            following = file.read(CHUNK)
            if not following and digest.hexdigest() != blob:
                raise InvalidError(f"local file {path} was changed while it was read: run again")
            yield piece
            piece = following
