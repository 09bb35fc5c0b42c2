"""One build of one image, layer after layer, in a thread of its own."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.exception import ImageBuildError
from intermodal.plugins import Blobs, BuildGrants, BuildSink, BuiltImage, GpuLease
from intermodal.plugins.building import Layer, Progress, StepFailed, StepRefused, hint_for
from intermodal.specs import DebianSlim, ImageBase, ImageSpec, Registry, Scratch, content_hash
from intermodal_local.images.ground import Ground, StepContext
from intermodal_local.images.keys import local_layers
from intermodal_local.images.layering import Making, obtain
from intermodal_local.images.run import Lifeline
from intermodal_local.images.store import LayerStore, Lease

__all__ = ["Building"]


@dataclass(slots=True, kw_only=True)
class Building:
    """Builds `image`. `grounds` are those of its base and of the images that it takes something from; `fresh` are the
    keys whose forced build this session has had already."""

    image: ImageSpec
    grounds: Mapping[ImageBase, Ground]
    store: LayerStore
    blobs: Blobs
    sink: BuildSink
    grants: BuildGrants
    lifeline: Lifeline
    fresh: set[str]
    leases: dict[str, Lease] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    progress: Progress = field(init=False)

    def run(self) -> tuple[BuiltImage, list[Lease]]:
        """The image, and the leases on its layers. Raises as `Builder.build`, and `BackendError` when cancelled."""
        for image in (*self.image.sources(), self.image):
            for step in image.steps:
                self.grounds[image.base].refuse(step)
        layers = local_layers({base: ground.identity for base, ground in self.grounds.items()}, self.image)
        self.layers = {layer.key: layer for layer in layers}
        self.progress = Progress(layers, self.sink)
        try:
            for layer in layers:
                self._layer(layer)
        except BaseException:
            for lease in self.leases.values():
                lease.release()
            raise
        ground = self._ground(layers[-1])
        built = BuiltImage.of(self.image, ground.ref(self._stack(layers[-1])), python=ground.python)
        return built, list(self.leases.values())

    def _layer(self, layer: Layer) -> None:
        step, ground = layer.step, self._ground(layer)
        if not isinstance(step, (DebianSlim, Registry, Scratch)):
            self._obtain(layer, layer.title, lambda context: ground.make(step, context))
        elif ground.foundation is not None:
            self._obtain(layer, ground.foundation, ground.found)
        else:
            self.progress.begin(layer, cached=True)

    def _obtain(self, layer: Layer, title: str, make: Callable[[StepContext], None]) -> None:
        below = self._below(layer)
        parent = self.leases[below.key].layer.id if below is not None and below.key in self.leases else ""
        key = self._name(layer)

        def begin(making: Making) -> None:
            self.progress.begin(layer, cached=False)
            with self.grants.devices(layer.step, layer.number, self.lifeline.check) as gpus:
                make(self._context(layer, making, gpus))
            if layer.forced:
                self.fresh.add(key)

        try:
            obtained = obtain(
                self.store,
                key,
                parent,
                title,
                begin,
                force=lambda: layer.forced and key not in self.fresh,
                waits=lambda: self.progress.output(layer, "another build makes this step now; waiting for it"),
                lifeline=self.lifeline,
            )
        except (StepFailed, StepRefused, OSError) as error:
            raise self._failure(layer, error) from error
        self.leases[layer.key] = obtained.lease
        if obtained.cached:
            self.progress.begin(layer, cached=True)

    def _name(self, layer: Layer) -> str:
        """What the store calls it. What was copied from a layer is another thing when that layer was made anew."""
        made = [lease.layer.id for source in layer.sources for lease in self._leased(self.layers[source])]
        return content_hash((layer.plain, made)) if made else layer.plain

    def _ground(self, layer: Layer) -> Ground:
        while layer.parent is not None:
            layer = self.layers[layer.parent]
        assert isinstance(layer.step, (DebianSlim, Registry, Scratch))
        return self.grounds[layer.step]

    def _below(self, layer: Layer) -> Layer | None:
        return None if layer.parent is None else self.layers[layer.parent]

    def _leased(self, layer: Layer | None) -> list[Lease]:
        """The leases on `layer` and on those below it, top-most first."""
        found: list[Lease] = []
        while layer is not None:
            found += [self.leases[layer.key]] if layer.key in self.leases else []
            layer = self._below(layer)
        return found

    def _stack(self, layer: Layer | None) -> list[Path]:
        return [lease.path for lease in self._leased(layer)]

    def _context(self, layer: Layer, making: Making, gpus: GpuLease | None) -> StepContext:
        return StepContext(
            below=self._stack(self._below(layer)),
            env=layer.env,
            workdir=layer.workdir,
            user=layer.user,
            sources=[(self._ground(self.layers[key]), self._stack(self.layers[key])) for key in layer.sources],
            blobs=self.blobs,
            grants=self.grants,
            gpus=gpus,
            making=making,
            output=lambda line: self.progress.output(layer, line),
            lifeline=self.lifeline,
        )

    def _failure(self, layer: Layer, error: StepFailed | StepRefused | OSError) -> ImageBuildError:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            full = f"no space left on the disk of {self.store.root}. {hint_for('no space left on device')}"
            return self.progress.failed(layer, full)
        return self.progress.failed(layer, error)
