"""What sessions left that were killed: the kernel ended their leases, so whoever comes next can tell."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

from intermodal.driver.volumes.places import killed
from intermodal.plugins import Storage
from intermodal.storage.volumes import Catalog, Versions

__all__ = ["sweep"]


async def sweep(data_dir: Path, storage: Storage) -> None:
    """End the ephemeral volumes of sessions of this data directory that were killed, and remove what their containers
    wrote. A kill at any moment leaves the rest to the next sweep."""
    with ExitStack() as held:
        sessions = await asyncio.to_thread(held.enter_context, killed(data_dir))
        if not sessions:
            return
        catalog, versions = Catalog(storage), Versions(storage)
        left = [volume for volume, owner in (await catalog.ephemeral()).items() if owner in sessions]
        for volume in left:
            await versions.remove(volume)
        await catalog.end_ephemeral(left)
