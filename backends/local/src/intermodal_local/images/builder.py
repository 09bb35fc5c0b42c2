"""The local backend's `Builder`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from intermodal.plugins import Blobs, BuildGrants, BuildSink, BuiltImage, ImageInfo, PruneReport
from intermodal.specs import ImageBase, ImageSpec
from intermodal_local.images.building import Building
from intermodal_local.images.ground import Ground
from intermodal_local.images.run import Lifeline
from intermodal_local.images.snapshots import find_snapshot
from intermodal_local.images.store import LayerStore, Lease

__all__ = ["LocalBuilder"]

_BUILDS_AT_ONCE = 16
_NOTHING = BuildGrants()


class LocalBuilder:
    """Builds images into the layers of one data directory; what it built stays in use until it is closed.

    Args:
        root: the directory of the layers.
        ground: gives the base that an image names. Raises what the user should see.
        prune_bases: removes bases that were not used for so many seconds; their names.
    """

    def __init__(
        self,
        root: Path,
        ground: Callable[[ImageBase], Awaitable[Ground]],
        prune_bases: Callable[[float], Sequence[str]] = lambda _: (),
    ) -> None:
        self._store = LayerStore(root)
        self._ground, self._prune_bases = ground, prune_bases
        self._threads = ThreadPoolExecutor(_BUILDS_AT_ONCE, thread_name_prefix="image-build")
        self._lifelines: set[Lifeline] = set()
        self._leases: list[Lease] = []
        self._fresh: set[str] = set()

    async def build(
        self, image: ImageSpec, blobs: Blobs, sink: BuildSink, grants: BuildGrants = _NOTHING
    ) -> BuiltImage:
        """Build, or find in the cache. Cancelling it ends the step that runs and leaves nothing of it."""
        grounds = {each.base: await self._ground(each.base) for each in (*image.sources(), image)}
        lifeline = Lifeline()
        self._lifelines.add(lifeline)
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self._build, image, grounds, blobs, sink, grants, lifeline)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            lifeline.cut()
            await asyncio.gather(work, return_exceptions=True)
            raise

    async def find_snapshot(self, id: str) -> BuiltImage | None:
        """See `intermodal.plugins.SnapshotBuilder`."""
        found = await asyncio.to_thread(find_snapshot, self._store, id)
        if found is None:
            return None
        self._leases += found[1]
        return found[0]

    async def images(self) -> Sequence[ImageInfo]:
        """All layers, the most recently used first."""
        return await asyncio.to_thread(self._list)

    async def prune(self, *, everything: bool = False, older_than_s: float = 0.0) -> PruneReport:
        """Remove what nobody uses and is old enough, or `everything` that nobody uses."""

        def prune() -> PruneReport:
            removed = self._store.prune(everything=everything, older_than_s=older_than_s)
            freed = sum(layer.size for layer in removed)
            bases = self._prune_bases(0.0 if everything else older_than_s)
            return PruneReport(removed=(*(layer.id for layer in removed), *bases), bytes_freed=freed)

        return await asyncio.to_thread(prune)

    async def close(self) -> None:
        """End running builds, and let go of the layers. Idempotent."""
        for lifeline in list(self._lifelines):
            lifeline.cut()
        await asyncio.to_thread(self._threads.shutdown)
        while self._leases:
            self._leases.pop().release()

    def _build(
        self,
        image: ImageSpec,
        grounds: Mapping[ImageBase, Ground],
        blobs: Blobs,
        sink: BuildSink,
        grants: BuildGrants,
        lifeline: Lifeline,
    ) -> BuiltImage:
        try:
            built, leases = Building(
                image=image,
                grounds=grounds,
                store=self._store,
                blobs=blobs,
                sink=sink,
                grants=grants,
                lifeline=lifeline,
                fresh=self._fresh,
            ).run()
        finally:
            self._lifelines.discard(lifeline)
            lifeline.close()
        self._leases += leases
        return built

    def _list(self) -> list[ImageInfo]:
        infos = [
            ImageInfo(id=layer.id, title=layer.title, size=layer.size, created=layer.created, used=used, in_use=busy)
            for layer, used, busy in self._store.layers()
        ]
        return sorted(infos, key=lambda info: info.used, reverse=True)
