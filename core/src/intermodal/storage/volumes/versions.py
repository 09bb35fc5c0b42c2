"""Versions of a volume in a `Storage`: read, published on top of the head, compacted."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from intermodal.exception import BackendError, NotFoundError
from intermodal.plugins import Storage
from intermodal.storage.volumes.catalog import head_ref
from intermodal.storage.volumes.compaction import MOST, merged, run_to_merge
from intermodal.storage.volumes.entries import Changes, Delta
from intermodal.storage.volumes.paths import check_path
from intermodal.storage.volumes.publishing import Known, publish
from intermodal.storage.volumes.stack import Stack

__all__ = ["Commit", "Version", "Versions"]

_FORMAT = 1
#: Paths in deltas that are kept parsed: what is used again and again costs no reading.
_CACHED_PATHS = 500_000


@dataclass(frozen=True)
class Version:
    """One state of a volume: the blobs of its deltas, the newest first, and how many paths each has. `number` counts
    commits; `created` is in Unix seconds."""

    deltas: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    number: int = 0
    created: float = 0.0

    def encode(self) -> bytes:
        """The blob that keeps it."""
        content = {
            "format": _FORMAT,
            "deltas": self.deltas,
            "sizes": self.sizes,
            "number": self.number,
            "created": self.created,
        }
        return json.dumps(content).encode()

    @classmethod
    def decode(cls, data: bytes) -> Version:
        """Raises `BackendError`."""
        try:
            content = json.loads(data)
            if content.pop("format") != _FORMAT:
                raise BackendError("this version of a volume was written by a newer intermodal: update this one")
            return cls(tuple(content.pop("deltas")), tuple(content.pop("sizes")), **content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackendError(f"this is no version of a volume: {error!r}") from None


@dataclass(frozen=True)
class Commit:
    """What became of a commit: the head that has it, and the paths where it overwrote what its writer never saw."""

    version: Version
    lost: tuple[str, ...] = ()


class Versions:
    """The versions of all volumes in one storage. On one event loop. `most`: deltas of a version before `compact` does
    something."""

    def __init__(self, storage: Storage, most: int = MOST) -> None:
        self._storage = storage
        self._most = most
        self._cache: OrderedDict[str, Delta] = OrderedDict()
        self._cached = 0

    async def make(self, volume: str) -> None:
        """Give a new volume its first, empty version. Idempotent."""
        ref = head_ref(volume)
        if await self._storage.read_ref(ref) is None:
            await self._storage.swap_ref(ref, None, await self._storage.put(Version(created=time.time()).encode()))

    async def remove(self, volume: str) -> None:
        """Forget a volume's versions. What containers have mounted stays with them. Idempotent."""
        ref = head_ref(volume)
        while (value := await self._storage.read_ref(ref)) is not None:
            await self._storage.swap_ref(ref, value, None)

    async def head(self, volume: str) -> Version:
        """The newest version. Raises `NotFoundError` for a volume that was deleted."""
        return (await self.named_head(volume))[0]

    async def read(self, blob: str) -> Version:
        """The version that a blob keeps. Raises `BackendError`, `KeyError`."""
        return Version.decode(await self._storage.get(blob))

    async def stack(self, version: Version) -> Stack:
        """The version's content. Raises `BackendError` where a part of it is damaged."""
        return Stack(await asyncio.gather(*(self.delta(blob) for blob in version.deltas)))

    async def commit(self, volume: str, known: Known, changes: Changes) -> Commit:
        """Publish what a writer did, all of it or nothing; the blobs of its files are stored already.

        Raises `NotFoundError` for a volume that was deleted, `ResourceExhaustedError` where there is no space,
        `InvalidError` for a path that no volume can have: the head is then what it was.
        """
        for path, entry in changes.items():
            if entry is not None:
                check_path(path)
        while True:
            head, blob = await self.named_head(volume)
            result = publish(await self.stack(head), known, changes)
            if not len(result.delta):
                return Commit(head, result.lost)
            delta = await self._storage.put(await asyncio.to_thread(result.delta.encode))
            deltas, sizes = _on_top(delta, len(result.delta), head.deltas, head.sizes)
            new = Version(deltas, sizes, head.number + 1, time.time())
            if await self._storage.swap_ref(head_ref(volume), blob, await self._storage.put(new.encode())):
                self._remember(delta, result.delta)
                return Commit(new, result.lost)

    def is_long(self, version: Version) -> bool:
        """Whether `compact` would do something."""
        return run_to_merge(version.sizes, self._most) > 0

    async def compact(self, volume: str) -> bool:
        """Give the head fewer deltas with the same content where it has many. False where there was nothing to do, or
        somebody committed meanwhile."""
        head, blob = await self.named_head(volume)
        count = run_to_merge(head.sizes, self._most)
        if not count:
            return False
        parts = (await self.stack(head)).deltas
        delta = await asyncio.to_thread(merged, parts[:count], Stack(parts[count:]))
        name = await self._storage.put(await asyncio.to_thread(delta.encode))
        deltas, sizes = _on_top(name, len(delta), head.deltas[count:], head.sizes[count:])
        new = Version(deltas, sizes, head.number, head.created)
        self._remember(name, delta)
        return await self._storage.swap_ref(head_ref(volume), blob, await self._storage.put(new.encode()))

    async def named_head(self, volume: str) -> tuple[Version, str]:
        """The newest version, and the blob that keeps it. Raises like `head`."""
        blob = await self._storage.read_ref(head_ref(volume))
        if blob is None:
            raise NotFoundError(f"the volume {volume} does not exist, or was deleted")
        return await self.read(blob), blob

    async def delta(self, blob: str) -> Delta:
        """One delta. Raises `BackendError`, `KeyError`."""
        known = self._cache.get(blob)
        if known is not None:
            self._cache.move_to_end(blob)
            return known
        delta = await asyncio.to_thread(Delta.decode, await self._storage.get(blob))
        self._remember(blob, delta)
        return delta

    def _remember(self, blob: str, delta: Delta) -> None:
        if blob not in self._cache:
            self._cache[blob] = delta
            self._cached += len(delta)
        while self._cached > _CACHED_PATHS and len(self._cache) > 1:
            self._cached -= len(self._cache.popitem(last=False)[1])


def _on_top(
    delta: str, size: int, deltas: Sequence[str], sizes: Sequence[int]
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The deltas of a version with a new one on top. One that is among them already moves there: it says again all that
    it said, and the kernel mounts no directory twice in one overlay."""
    kept = [(name, paths) for name, paths in zip(deltas, sizes, strict=True) if name != delta]
    return (delta, *(name for name, _ in kept)), (size, *(paths for _, paths in kept))
