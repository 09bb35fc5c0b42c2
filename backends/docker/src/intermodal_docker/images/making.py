"""One layer, made in a container of the layer below it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from intermodal.exception import BackendError
from intermodal.plugins import Blobs, BuildGrants, GpuLease, base_title
from intermodal.plugins.building import (
    KIT_SOURCE,
    Layer,
    StepFailed,
    StepRun,
    Surroundings,
    find_uv,
    plan_commands,
    plan_function,
    plan_packages,
    plan_system,
)
from intermodal.plugins.holding import alone_with
from intermodal.specs import (
    AddArchive,
    CacheMount,
    CopyFiles,
    CopyFrom,
    DebianSlim,
    ImageBase,
    ImageStep,
    PythonPackages,
    Registry,
    RunCommands,
    RunFunction,
    Scratch,
    StepResources,
    SystemPackages,
)
from intermodal_docker.archives import pack
from intermodal_docker.devices import requested_devices
from intermodal_docker.engine import Engine, ImageDetails
from intermodal_docker.images.bases import obtain_base
from intermodal_docker.images.box import Box, Lifeline
from intermodal_docker.images.copying import add_archive, copy_files, copy_from
from intermodal_docker.images.downloads import CacheVolumes
from intermodal_docker.images.names import EMPTY, CachedLayer, base_labels, layer_labels, python_labels, reference
from intermodal_docker.images.options import ImageOptions
from intermodal_docker.images.packing import pack_tree
from intermodal_docker.images.pip import pip_instead
from intermodal_docker.images.pythons import NO_PROGRAM, Python, add_python, find_python
from intermodal_docker.images.shown import Shown
from intermodal_docker.limits import engine_cpus, engine_memory
from intermodal_docker.session import OWNER

__all__ = ["LayerMaker"]

NO_RESOURCES = StepResources()
#: An empty directory of nearly every image.
_CACHE = "/mnt"


@dataclass(slots=True, kw_only=True)
class LayerMaker:
    """Makes layers of one image.

    Args:
        owner: gives labels of containers, by which they are found when this process is gone.
        caches: of steps; `locks`: a directory for those of caches that one step at a time may have.
        output: gets a step's number and each line that it prints.
    """

    engine: Engine
    options: ImageOptions
    owner: Callable[[], Mapping[str, str]]
    blobs: Blobs
    grants: BuildGrants
    lifeline: Lifeline
    caches: CacheVolumes
    locks: Path
    output: Callable[[int, str], None]

    def base(self, layer: Layer) -> None:
        """The base, with a Python where one is to be added. Raises `BackendError`, `StepFailed`."""
        base, told = layer.step, self._told(layer)
        if isinstance(base, Scratch):
            self._empty(layer, base)
            return
        assert isinstance(base, (DebianSlim, Registry))
        below, name = self.obtain(base), self.options.reference(base)
        labels = {**layer_labels(layer.key, "", base_title(base), self.owner()[OWNER]), **base_labels(name, below.id)}
        with self._box(labels, below) as box:
            added = isinstance(base, Registry) and base.add_python
            python = Python()
            try:
                box.start()
            except BackendError:
                if added:
                    raise
            else:
                if added:
                    add_python(box, base.python, self.options.build_settings(), told)
                    box.clear()
                python = find_python(box)
            self._check(base, below, python)
            box.commit(reference(layer.key), python_labels(python.version, python.program))

    def _empty(self, layer: Layer, base: Scratch) -> None:
        if (below := self.engine.image(EMPTY)) is None:
            self.engine.import_image(b"".join(pack(())), EMPTY)
            below = self.engine.image(EMPTY)
        assert below is not None
        with self._box(layer_labels(layer.key, "", base_title(base), self.owner()[OWNER]), below) as box:
            box.commit(reference(layer.key), {})

    def obtain(self, base: DebianSlim | Registry) -> ImageDetails:
        """The image that `base` means, pulled where the engine has none. Raises `BackendError`."""
        secret = self.grants.of([base.secret]) if isinstance(base, Registry) and base.secret else {}
        return obtain_base(self.engine, base, self.options, secret, lambda line: self.output(1, line))

    def step(self, layer: Layer, below: CachedLayer, sources: Sequence[CachedLayer]) -> None:
        """What the step does to `below`, with what it takes from `sources`. Raises `BackendError`, `StepFailed`,
        `StepRefused`."""
        step = layer.step
        labels = layer_labels(layer.key, below.key, layer.title, self.owner()[OWNER])
        with contextlib.ExitStack() as stack:
            if isinstance(step, (CopyFiles, CopyFrom, AddArchive)):
                box = stack.enter_context(self._box(labels, below.details))
                if isinstance(step, CopyFiles):
                    copy_files(step, box, self.blobs)
                elif isinstance(step, AddArchive):
                    add_archive(step, box, self.blobs)
                else:
                    copy_from(step, box, stack.enter_context(self._box({}, sources[0].details)))
                box.commit(reference(layer.key), {})
                return
            gpus = stack.enter_context(self.grants.devices(step, layer.number, self.lifeline.check))
            run = self._plan(step, self._around(layer, below, gpus), below)
            self._hold_caches(run, layer, stack)
            shown = Shown(run.extras)
            box = stack.enter_context(self._box(labels, below.details, shown, gpus, run.resources))
            others = [stack.enter_context(self._box({}, source.details)) for source in sources]
            shown.fill(box, others, self.blobs)
            box.start()
            hidden = shown.hide(box, run, self.blobs)
            self._run(box, layer, run, self._around(layer, below, gpus))
            box.remove(hidden)
            box.clear()
            python = find_python(box)
            box.commit(reference(layer.key), python_labels(python.version, python.program))

    def programs(
        self, key: str, below: CachedLayer, entrypoint: Sequence[str] | None, cmd: Sequence[str] | None
    ) -> None:
        """`below` with another entrypoint and command, as `key`; None keeps what there is."""
        labels = layer_labels(key, below.key, "entrypoint and cmd", self.owner()[OWNER])
        with self._box(labels, below.details) as box:
            box.commit(reference(key), {}, entrypoint=entrypoint, cmd=cmd)

    def _around(self, layer: Layer, below: CachedLayer, gpus: GpuLease | None) -> Surroundings:
        return Surroundings(
            python=below.program or "python3",
            uv=find_uv(),
            settings=self.options.build_settings(),
            env=layer.env,
            workdir=layer.workdir,
            secrets=self.grants.of(getattr(layer.step, "secrets", ())),
            user=layer.user,
            gpus=gpus,
            cache=_CACHE,
        )

    def _plan(self, step: ImageStep | ImageBase, around: Surroundings, below: CachedLayer) -> StepRun:
        match step:
            case PythonPackages():
                _needs_python(below)
                return plan_packages(step, around)
            case SystemPackages():
                certificates = around.settings.env.get("SSL_CERT_FILE")
                trust = f'Acquire::https::CaInfo "{certificates}";\n' if certificates else ""
                return plan_system(step, around, trust.encode())
            case RunCommands():
                return plan_commands(step, around)
            case RunFunction():
                _needs_python(below)
                return plan_function(step, around, None, self.blobs)
            case _:
                raise AssertionError(f"{type(step).__name__} makes no layer")

    def _run(self, box: Box, layer: Layer, run: StepRun, around: Surroundings) -> None:
        step, told = layer.step, self._told(layer)
        if isinstance(step, RunFunction):
            box.put(pack_tree(step.source.tree, KIT_SOURCE, self.blobs))
        try:
            box.run(run, told)
        except StepFailed as failure:
            if not isinstance(step, PythonPackages) or failure.code not in NO_PROGRAM:
                raise
            box.run(pip_instead(step, run, around), told)

    def _hold_caches(self, run: StepRun, layer: Layer, stack: contextlib.ExitStack) -> None:
        """Keep the caches, and wait for those that one step at a time may have."""
        for mount in sorted((m for m in run.extras if isinstance(m, CacheMount)), key=lambda m: m.id):

            def waits(name: str = mount.id) -> None:
                self.output(layer.number, f"another step has the cache {name}; waiting for it")

            if mount.alone:
                stack.enter_context(alone_with(self.locks, mount.id, waits, self.lifeline.check))
            self.caches.use(mount.id)

    def _box(
        self,
        labels: Mapping[str, str],
        below: ImageDetails,
        shown: Shown | None = None,
        gpus: GpuLease | None = None,
        resources: StepResources = NO_RESOURCES,
    ) -> Box:
        cpus = memory = None
        if resources != NO_RESOURCES:
            info = self.engine.info()
            cpus = engine_cpus(resources.cpu, info, "image.cpu")
            memory = engine_memory(resources.memory, info, "image.memory")
        return Box(
            engine=self.engine,
            below=below,
            labels=labels,
            owner=self.owner(),
            lifeline=self.lifeline,
            gpus=requested_devices(gpus),
            cpus=cpus,
            memory=memory,
            volumes=shown.volumes if shown else (),
            tmpfs=shown.tmpfs if shown else (),
        )

    def _told(self, layer: Layer) -> Callable[[str], None]:
        return lambda line: self.output(layer.number, line)

    def _check(self, base: DebianSlim | Registry, below: ImageDetails, python: Python) -> None:
        """That the image has the Python that the definition says."""
        if isinstance(base, DebianSlim) and not f"{python.version}.".startswith(f"{base.python}."):
            has = f"Python {python.version}" if python.version else "no Python"
            name = f"{self.options.backend}.debian_image"
            raise BackendError(
                f"Image.debian_slim() is to have Python {base.python}, and {self.options.reference(base)} has {has}: "
                f"set {name} to an image that has it, such as python:{{python}}-slim-bookworm"
            )


def _needs_python(below: CachedLayer) -> None:
    if not below.program:
        raise BackendError(
            "the image has no Python: begin with one that has, give from_registry(add_python=), or apt_install it"
        )
