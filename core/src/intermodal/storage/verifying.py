"""Is everything whole? Every blob's bytes against its name, and everything that references need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intermodal.exception import DamagedBlobError
from intermodal.plugins import CollectableStorage
from intermodal.storage.reach import trace

__all__ = ["Verification", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How many blobs and bytes were read, which are damaged and why, which are missing and what reference needs them,
    and which references cannot be followed and why."""

    blobs: int
    bytes: int
    damaged: Mapping[str, str]
    missing: Mapping[str, str]
    unreadable: Mapping[str, str]

    @property
    def sound(self) -> bool:
        """Is nothing wrong?"""
        return not (self.damaged or self.missing or self.unreadable)


async def verify(storage: CollectableStorage, tracers: Mapping[str, str] | None = None) -> Verification:
    """Read every blob, then follow every reference. What is put meanwhile may be looked at or not."""
    size, whole, damaged = 0, set[str](), dict[str, str]()
    async for blob in storage.list_blobs():
        try:
            async for piece in storage.stream(blob.id):
                size += len(piece)
            whole.add(blob.id)
        except DamagedBlobError as error:
            damaged[blob.id] = str(error)
        except KeyError:
            pass  # it was removed since it was listed; whether something needs it is seen below
    reach = await trace(storage, tracers)
    absent = [blob for blob in reach.needed if blob not in whole and blob not in damaged]
    return Verification(
        blobs=len(whole) + len(damaged),
        bytes=size,
        damaged=damaged,
        missing={blob: reach.needed[blob] for blob in absent if not await storage.has(blob)},
        unreadable=reach.unreadable,
    )
