"""Caches of steps (`CacheMount`), which outlive builds: a volume of the engine for each id, listed and pruned as layers
are."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping

from intermodal.plugins import ImageInfo
from intermodal_docker.engine import Engine, EngineBusy, VolumeDetails
from intermodal_docker.uses import Uses

__all__ = ["CacheVolumes", "cache_volume"]

_PREFIX = "intermodal-cache-"
#: Has the cache's id.
_ID = "intermodal.cache"
#: Has which machine, user and data directory made it: those may prune it.
_MAKER = "intermodal.cache.maker"


def cache_volume(id: str) -> str:
    """The name of the volume of the cache `id`."""
    return f"{_PREFIX}{hashlib.sha256(id.encode()).hexdigest()[:24]}"


class CacheVolumes:
    """Args:
    engine: has the volumes, which all that use it share.
    uses: who uses which, by the volume's name.
    maker: what volumes that are made from here have for it.
    """

    def __init__(self, engine: Engine, uses: Uses, maker: str) -> None:
        self._engine, self._uses, self._maker = engine, uses, maker

    def use(self, id: str) -> None:
        """Keep the cache, made where there is none, until the uses are closed. Raises `BackendError`."""
        name = cache_volume(id)
        self._uses.use(name)
        self._engine.create_volume(name, {_ID: id, _MAKER: self._maker})

    def infos(self, sizes: Mapping[str, int]) -> list[ImageInfo]:
        """All that were made from here. `sizes`: in bytes, by volume."""
        return [self._info(name, details, sizes) for name, details in self._volumes()]

    def prune(self, sizes: Mapping[str, int], *, everything: bool, older_than_s: float) -> list[ImageInfo]:
        """Remove those that were made from here and that nobody uses; what was removed."""
        limit = time.time() - older_than_s
        found = [(name, self._info(name, details, sizes)) for name, details in self._volumes()]
        return [info for name, info in found if (everything or info.used < limit) and self._remove(name)]

    def _volumes(self) -> Iterator[tuple[str, VolumeDetails]]:
        for name, details in self._engine.volumes({}).items():
            # Whose one without a label is, nobody knows: the engine made it, as its own was removed meanwhile.
            if name.startswith(_PREFIX) and details.labels.get(_MAKER, self._maker) == self._maker:
                yield name, details

    def _info(self, name: str, details: VolumeDetails, sizes: Mapping[str, int]) -> ImageInfo:
        last = self._uses.last(name)
        id = details.labels.get(_ID, "")
        return ImageInfo(
            id=name.removeprefix(_PREFIX),
            title=f"cache {id}".strip(),
            size=sizes.get(name, 0),
            created=details.created,
            used=details.created if last is None else last,
            in_use=self._uses.is_held(name),
        )

    def _remove(self, name: str) -> bool:
        with self._uses.alone(name) as alone:
            if not alone:
                return False
            try:
                self._engine.remove_volume(name)
            except EngineBusy:  # a container has it
                return False
            self._uses.forget(name)
            return True
