"""Storage writes a blob where it is read, piece by piece: who comes meanwhile, or after a kill, finds part of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

from intermodal.storage.directory import DirectoryStorage
from mutants.planting import instead_of

PIECES = 64
LARGE = 1 << 22


@instead_of("put", DirectoryStorage)
async def put(original: Callable[..., str], storage: DirectoryStorage, data: bytes | Path) -> str:
    if isinstance(data, Path) or len(data) < LARGE:
        return await original(storage, data)
    blob = hashlib.sha256(data).hexdigest()
    place = storage.blobs._file(blob)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    with place.open("wb", buffering=0) as file:
        for start in range(0, len(data), len(data) // PIECES):
            file.write(data[start : start + len(data) // PIECES])
            await asyncio.sleep(0.01)
    return blob
