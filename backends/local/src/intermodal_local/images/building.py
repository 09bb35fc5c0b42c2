"""One build of one image, layer after layer, in a thread of its own."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.exception import ImageBuildError
from intermodal.plugins import Blobs, BuildGrants, BuildSink, BuiltImage
from intermodal.plugins.building import Layer, Progress, StepFailed, StepRefused, hint_for
from intermodal.specs import DebianSlim, ImageSpec, Registry, Scratch
from intermodal_local.images.ground import Ground, StepContext
from intermodal_local.images.keys import local_layers
from intermodal_local.images.layering import Making, obtain
from intermodal_local.images.run import Lifeline
from intermodal_local.images.store import LayerStore, Lease

__all__ = ["Building"]


@dataclass(slots=True, kw_only=True)
class Building:
    """Builds `image`. `fresh` are the keys whose forced build this session has had already."""

    image: ImageSpec
    ground: Ground
    store: LayerStore
    blobs: Blobs
    sink: BuildSink
    grants: BuildGrants
    lifeline: Lifeline
    fresh: set[str]
    leases: list[Lease] = field(default_factory=list)
    progress: Progress = field(init=False)

    def run(self) -> tuple[BuiltImage, list[Lease]]:
        """The image, and the leases on its layers. Raises as `Builder.build`, and `BackendError` when cancelled."""
        for step in self.image.steps:
            self.ground.refuse(step)
        layers = local_layers(self.ground.identity, self.image)
        self.progress = Progress(layers, self.sink)
        try:
            for layer in layers:
                self._layer(layer)
        except BaseException:
            for lease in self.leases:
                lease.release()
            raise
        built = BuiltImage.of(self.image, self.ground.ref(self._below()), python=self.ground.python)
        return built, self.leases

    def _layer(self, layer: Layer) -> None:
        step = layer.step
        if not isinstance(step, (DebianSlim, Registry, Scratch)):
            self._obtain(layer, layer.title, lambda context: self.ground.make(step, context))
        elif self.ground.foundation is not None:
            self._obtain(layer, self.ground.foundation, self.ground.found)
        else:
            self.progress.begin(layer, cached=True)

    def _obtain(self, layer: Layer, title: str, make: Callable[[StepContext], None]) -> None:
        parent = self.leases[-1].layer.id if self.leases else ""

        def begin(making: Making) -> None:
            self.progress.begin(layer, cached=False)
            make(self._context(layer, making))
            if layer.forced:
                self.fresh.add(layer.plain)

        try:
            obtained = obtain(
                self.store,
                layer.plain,
                parent,
                title,
                begin,
                force=lambda: layer.forced and layer.plain not in self.fresh,
                waits=lambda: self.progress.output(layer, "another build makes this step now; waiting for it"),
                lifeline=self.lifeline,
            )
        except (StepFailed, StepRefused, OSError) as error:
            raise self._failure(layer, error) from error
        self.leases.append(obtained.lease)
        if obtained.cached:
            self.progress.begin(layer, cached=True)

    def _context(self, layer: Layer, making: Making) -> StepContext:
        return StepContext(
            below=self._below(),
            env=layer.env,
            workdir=layer.workdir,
            blobs=self.blobs,
            grants=self.grants,
            making=making,
            output=lambda line: self.progress.output(layer, line),
            lifeline=self.lifeline,
        )

    def _below(self) -> list[Path]:
        return [lease.path for lease in reversed(self.leases)]

    def _failure(self, layer: Layer, error: StepFailed | StepRefused | OSError) -> ImageBuildError:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            full = f"no space left on the disk of {self.store.root}. {hint_for('no space left on device')}"
            return self.progress.failed(layer, full)
        return self.progress.failed(layer, error)
