"""All that is kept in an engine from one session to the next: layers of images, caches of steps, files sent there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intermodal.plugins import ImageInfo
from intermodal_docker.engine import Engine
from intermodal_docker.images.cache import LayerCache
from intermodal_docker.images.downloads import CacheVolumes
from intermodal_docker.shipped import Shipped

__all__ = ["Kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Of one data directory. Its methods block."""

    engine: Engine
    layers: LayerCache
    caches: CacheVolumes
    parcels: Shipped

    def infos(self) -> list[ImageInfo]:
        """Each of them."""
        sizes = self._sizes()
        return [*self.layers.infos(), *self.caches.infos(sizes), *self.parcels.infos(sizes)]

    def prune(self, *, everything: bool, older_than_s: float) -> list[ImageInfo]:
        """Remove what nobody uses or has used for so long, or `everything` that nobody uses; what was removed."""
        sizes = self._sizes()
        return [
            *self.layers.prune(everything=everything, older_than_s=older_than_s),
            *self.caches.prune(sizes, everything=everything, older_than_s=older_than_s),
            *self.parcels.prune(sizes, older_than_s=0.0 if everything else older_than_s),
        ]

    def _sizes(self) -> Mapping[str, int]:
        return self.engine.volume_sizes() if self.caches.infos({}) or self.parcels.infos({}) else {}
