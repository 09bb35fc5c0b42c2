"""The protocol of the role storage. All methods run on the driver's event loop and must not block it.

Public to authors of backends, as names of `intermodal.plugins`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

__all__ = ["CollectableStorage", "Storage", "StoredBlob"]


@runtime_checkable
class Storage(Protocol):
    """storage: keep blobs by hash, and move a named reference atomically."""

    async def put(self, data: bytes | Path) -> str:
        """Store; the SHA-256 in hex. Idempotent; atomic: a reader sees all of a blob or none."""
        ...

    async def get(self, blob: str) -> bytes:
        """All bytes, checked. Raises `KeyError` (unknown) or `DamagedBlobError` (they do not fit the hash)."""
        ...

    async def has(self, blob: str) -> bool:
        """Is it stored? A blob counts as used when it is put or asked for; see `CollectableStorage`."""
        ...

    def stream(self, blob: str, chunk: int = 1 << 20) -> AsyncIterator[bytes]:
        """The bytes in pieces; the last one comes only if all of them fit the hash. Raises like `get`."""
        ...

    async def read_ref(self, name: str) -> str | None: ...

    async def swap_ref(self, name: str, expected: str | None, value: str | None) -> bool:
        """Set reference `name` to `value` if it is `expected` now; False where it is not."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """One blob: `size` in bytes, and when it was last put or asked for, in Unix seconds of the storage's clock."""

    id: str
    size: int
    used: float


@runtime_checkable
class CollectableStorage(Storage, Protocol):
    """A `Storage` that can say what it keeps and forget what nobody needs: for `intermodal storage gc|verify`.

    What may go is core's rule, not the storage's: what no reference reaches and was last used before a grace period,
    and before the oldest lease began. Between `put` or `has` of a blob and the reference that will reach it nothing
    else is needed: both count as use.
    """

    async def refs(self) -> Sequence[str]:
        """The names of all references."""
        ...

    def list_blobs(self) -> AsyncIterator[StoredBlob]:
        """Every blob, in no order. What is put or removed meanwhile may be among them or not."""
        ...

    async def remove(self, blobs: Sequence[str], before: float) -> Mapping[str, int]:
        """Forget those of `blobs` that were last used before then; the bytes that each of them frees.

        For each blob atomic with regard to `put` and `has`: what they said is stored since then stays. A kill in the
        middle leaves some removed, and some not.
        """
        ...

    async def now(self) -> float:
        """The storage's clock, in Unix seconds."""
        ...

    async def lease(self) -> None:
        """What is used from now on stays, until `close` or the end of this process. Idempotent."""
        ...

    async def leased_since(self) -> float:
        """When the oldest lease that lives began, whoever's it is; infinity where there is none."""
        ...
