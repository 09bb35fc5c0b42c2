"""Which blobs may go: those that no reference reaches, and that nobody has used for long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intermodal.plugins import CollectableStorage
from intermodal.storage.reach import UnreadableReference, trace

__all__ = ["Collection", "collect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What was removed, or would be: blobs, and the bytes that this freed; how many stay, and how many of these
    references need."""

    removed: tuple[str, ...]
    bytes_freed: int
    kept: int
    needed: int


async def collect(
    storage: CollectableStorage, *, grace_s: float, dry_run: bool = False, tracers: Mapping[str, str] | None = None
) -> Collection:
    """Remove what no reference reaches, was last used more than `grace_s` seconds ago, and before any session began
    that still runs. A kill at any moment leaves the storage whole.

    Raises `UnreadableReference` where a reference cannot be followed; then nothing is removed.
    """
    before = min(await storage.now() - grace_s, await storage.leased_since())
    found = [blob async for blob in storage.list_blobs()]
    unused = [blob for blob in found if blob.used < before]
    reach = await trace(storage, tracers)
    for name, why in reach.unreadable.items():
        raise UnreadableReference(
            f"nothing was removed, since what the reference {name!r} needs cannot be told: {why}. "
            "`intermodal storage verify` lists all such"
        )
    unneeded = {blob.id: blob.size for blob in unused if blob.id not in reach.needed}
    freed = unneeded if dry_run else await storage.remove(tuple(unneeded), before)
    return Collection(
        removed=tuple(freed),
        bytes_freed=sum(freed.values()),
        kept=len(found) - len(freed),
        needed=sum(blob.id in reach.needed for blob in found),
    )
