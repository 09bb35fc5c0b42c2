"""What the references of volumes need: for the collection of blobs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from intermodal.plugins import Storage
from intermodal.storage.volumes.entries import Delta
from intermodal.storage.volumes.versions import Version

__all__ = ["trace_catalog", "trace_head"]


async def trace_head(value: str, storage: Storage) -> AsyncIterator[str]:
    """`volume/...`: the version, its deltas, and the files in them."""
    yield value
    for blob in Version.decode(await storage.get(value)).deltas:
        yield blob
        for file in Delta.decode(await storage.get(blob)).blobs():
            yield file


async def trace_catalog(value: str, storage: Storage) -> AsyncIterator[str]:
    """`volumes/...`: the list of names."""
    yield value
