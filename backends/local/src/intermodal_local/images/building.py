"""One build of one image, step after step, in a thread of its own."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.exception import ImageBuildError
from intermodal.plugins import Blobs, BuildGrants, BuildSink, BuiltImage, step_title
from intermodal.plugins.building import StepRefused
from intermodal.specs import ImageSpec, ImageStep, SetCmd, SetEntrypoint, SetEnv, SetWorkdir, content_hash
from intermodal_local.images import messages
from intermodal_local.images.ground import Ground, StepContext
from intermodal_local.images.keys import layer_keys
from intermodal_local.images.layering import Making, obtain
from intermodal_local.images.run import Lifeline, StepFailed
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
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/root"

    def run(self) -> tuple[BuiltImage, list[Lease]]:
        """The image, and the leases on its layers. Raises as `Builder.build`, and `BackendError` when cancelled."""
        steps = self.image.steps
        for step in steps:
            self.ground.refuse(step)
        keys = layer_keys(self.ground.identity, steps)
        try:
            if self.ground.foundation is not None:
                foundation, *_ = layer_keys(self.ground.identity, [SetEnv(variables=())])
                self._layer(0, foundation, self.ground.foundation, self.ground.found, force=False)
            for number, (step, key) in enumerate(zip(steps, keys, strict=True), 1):
                self._step(number, step, key)
        except BaseException:
            for lease in self.leases:
                lease.release()
            raise
        built = BuiltImage(
            id=content_hash(self.image),
            ref=self.ground.ref(self._below()),
            python=self.ground.python,
            env=tuple(self.env.items()),
            workdir=self.workdir,
        )
        return built, self.leases

    def _step(self, number: int, step: ImageStep, key: str) -> None:
        if isinstance(step, SetEnv):
            self.env.update(step.variables)
            self._tell(number, step_title(step), cached=True)
        elif isinstance(step, SetWorkdir):
            self.workdir = step.path
            self._tell(number, step_title(step), cached=True)
        elif isinstance(step, (SetEntrypoint, SetCmd)):
            self._tell(number, step_title(step), cached=True)
        else:
            self._layer(
                number, key, step_title(step), lambda context: self.ground.make(step, context), force=step.force
            )

    def _layer(self, number: int, key: str, name: str, make: Callable[[StepContext], None], *, force: bool) -> None:
        parent = self.leases[-1].layer.id if self.leases else ""

        def begin(making: Making) -> None:
            self._tell(number, name, cached=False)
            make(self._context(number, making))
            if force:
                self.fresh.add(key)

        try:
            obtained = obtain(
                self.store,
                key,
                parent,
                name,
                begin,
                force=lambda: force and key not in self.fresh,
                waits=lambda: self._print(number, "another build makes this step now; waiting for it"),
                lifeline=self.lifeline,
            )
        except (StepFailed, StepRefused, OSError) as error:
            raise self._failure(number, name, error) from error
        self.leases.append(obtained.lease)
        if obtained.cached:
            self._tell(number, name, cached=True)

    def _context(self, number: int, making: Making) -> StepContext:
        return StepContext(
            below=self._below(),
            env=dict(self.env),
            workdir=self.workdir,
            blobs=self.blobs,
            grants=self.grants,
            making=making,
            output=lambda line: self._print(number, line),
            lifeline=self.lifeline,
        )

    def _print(self, number: int, line: str) -> None:
        if number:
            self.sink.output(number, line)

    def _below(self) -> list[Path]:
        return [lease.path for lease in reversed(self.leases)]

    def _tell(self, number: int, name: str, *, cached: bool) -> None:
        if number:
            self.sink.step(number, len(self.image.steps), name, cached=cached)

    def _failure(self, number: int, name: str, error: StepFailed | StepRefused | OSError) -> ImageBuildError:
        where = f"image step {number} of {len(self.image.steps)} ({name})" if number else f"image ({name})"
        if isinstance(error, StepFailed):
            return ImageBuildError(messages.step_failed(where, error))
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ImageBuildError(messages.no_space(where, str(self.store.root)))
        return ImageBuildError(f"{where} failed: {error}")
