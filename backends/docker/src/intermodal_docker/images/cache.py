"""The layers in an engine's own image store: found by key, in use by sessions of this host, listed, pruned."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from intermodal.plugins import ImageInfo
from intermodal.plugins.building import Layer
from intermodal_docker.engine import Engine, EngineBusy
from intermodal_docker.images.names import BASE, LAYER, CachedLayer, reference
from intermodal_docker.uses import Uses

__all__ = ["LayerCache"]


class LayerCache:
    """Args:
    engine: has the layers.
    uses: who uses which, by key.
    maker: what layers that are made from here have for it.
    """

    def __init__(self, engine: Engine, uses: Uses, maker: str) -> None:
        self._engine, self._uses, self._maker = engine, uses, maker

    def find(self, key: str) -> CachedLayer | None:
        """The layer, if the engine has it: one call."""
        details = self._engine.image(reference(key))
        return None if details is None else CachedLayer.of(details, key)

    def missing(self, layers: Sequence[Layer]) -> tuple[set[str], CachedLayer | None]:
        """The keys of those that have to be made for the last one of `layers`; and that one, where it is there.

        Then it is kept, and one call was all.
        """
        last = layers[-1].key
        self._uses.use(last)
        by_key = {layer.key: layer for layer in layers}
        there: dict[str, CachedLayer | None] = {}
        wanted = [last]
        while wanted:
            key = wanted.pop()
            if key not in there:
                there[key] = self.find(key)
                if there[key] is None:
                    wanted += filter(None, (by_key[key].parent, *by_key[key].sources))
        return {key for key, found in there.items() if found is None}, there[last]

    def last_base(self, name: str) -> str | None:
        """The id of the image called `name` as of when a layer was last made from it; None: never."""
        made = [CachedLayer.of(details) for details in self._engine.images({BASE: name})]
        layers = [layer for layer in made if layer is not None]
        return max(layers, key=lambda layer: layer.created).base if layers else None

    def use_stack(self, layer: CachedLayer | None) -> None:
        """Keep a layer, and those below it, until the uses are closed."""
        while layer is not None:
            self._uses.use(layer.key)
            layer = self.find(layer.parent) if layer.parent else None

    def infos(self) -> list[ImageInfo]:
        """All layers that were made from here, with what each adds to the one below, in bytes."""
        found = {layer.key: layer for layer in self._layers()}
        return [
            ImageInfo(
                id=layer.key,
                title=layer.title,
                size=max(layer.size - found[layer.parent].size, 0) if layer.parent in found else layer.size,
                created=layer.created,
                used=self._used(layer),
                in_use=self._uses.is_held(layer.key),
            )
            for layer in found.values()
            if layer.maker in (self._maker, "")
        ]

    def prune(self, *, everything: bool, older_than_s: float) -> list[ImageInfo]:
        """Remove layers that were made from here and that nobody uses, above before below; what was removed."""
        limit = time.time() - older_than_s
        found = sorted(self.infos(), key=lambda info: info.created, reverse=True)
        return [info for info in found if (everything or info.used < limit) and self._remove(info.id)]

    def _layers(self) -> Iterator[CachedLayer]:
        for details in self._engine.images({LAYER: ""}):
            layer = CachedLayer.of(details)
            if layer is not None:
                yield layer

    def _used(self, layer: CachedLayer) -> float:
        last = self._uses.last(layer.key)
        return layer.created if last is None else last

    def _remove(self, key: str) -> bool:
        with self._uses.alone(key) as alone:
            if not alone:
                return False
            try:
                self._engine.remove_image(reference(key))
            except EngineBusy:  # a container is made of it
                return False
            self._uses.forget(key)
            return True
