"""The `Builder` of both backends: each layer of an image is one layer in the engine's own store."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import TypeVar

from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins import (
    Blobs,
    BuildGrants,
    BuildSink,
    BuiltImage,
    Config,
    ImageInfo,
    PruneReport,
    image_capabilities,
)
from intermodal.plugins.building import Layer, Progress, StepFailed, StepRefused, build_layers, hint_for, image_layers
from intermodal.plugins.holding import alone_with
from intermodal.specs import DebianSlim, ImageBase, ImageSpec, ImageStep, Registry, Scratch, content_hash
from intermodal_docker.capabilities import BUILDER
from intermodal_docker.engine import Engine
from intermodal_docker.images.box import Lifeline
from intermodal_docker.images.cache import LayerCache
from intermodal_docker.images.downloads import CacheVolumes
from intermodal_docker.images.making import LayerMaker
from intermodal_docker.images.names import CachedLayer, reference
from intermodal_docker.images.options import ImageOptions
from intermodal_docker.kept import Kept
from intermodal_docker.session import OWNER, Session, owner_labels, reap
from intermodal_docker.shipped import Shipped
from intermodal_docker.snapshots import find_snapshot
from intermodal_docker.uses import Uses

__all__ = ["EngineBuilder"]

_BUILDS_AT_ONCE = 16
_NOTHING = BuildGrants()

T = TypeVar("T")


class EngineBuilder:
    """Builds images in one engine.

    Args:
        engine: the builder's own; it closes it.
        config: has the backend's settings, and where locks are.
    """

    def __init__(self, engine: Engine, config: Config) -> None:
        self._engine, self._options = engine, ImageOptions.of(config, engine.name)
        self._data_dir = config.data_dir
        self._opening = threading.Lock()
        self._opened: contextlib.ExitStack | None = None
        self._labels: Mapping[str, str] = {}
        directory = self._data_dir / engine.name / "layers"
        self._locks = directory / "locks"
        self._locks.mkdir(parents=True, exist_ok=True)
        self._caches = directory / "caches"
        self._caches.mkdir(exist_ok=True)
        self._uses = Uses(directory / "used")
        maker = owner_labels(self._data_dir)[OWNER]
        self._cache = LayerCache(engine, self._uses, maker)
        self._volumes = CacheVolumes(engine, self._uses, maker)
        parcels = Shipped(engine, self._data_dir)
        self._kept = Kept(engine=engine, layers=self._cache, caches=self._volumes, parcels=parcels)
        self._threads = ThreadPoolExecutor(_BUILDS_AT_ONCE, thread_name_prefix="image-build")
        self._lifelines: set[Lifeline] = set()
        self._session = token_hex(32)

    async def build(
        self, image: ImageSpec, blobs: Blobs, sink: BuildSink, grants: BuildGrants = _NOTHING
    ) -> BuiltImage:
        """Build, or find in the engine's store. Cancelling it ends the step that runs and leaves nothing of it."""
        for needed in image_capabilities(image):
            if needed not in BUILDER:
                raise CapabilityNotSupported(needed, self._options.backend)
        lifeline = Lifeline(self._engine)
        maker = LayerMaker(
            engine=self._engine,
            options=self._options,
            owner=self._owner,
            blobs=blobs,
            grants=grants,
            lifeline=lifeline,
            caches=self._volumes,
            locks=self._caches,
            output=sink.output,
        )

        async def make(layer: Layer) -> str:
            await self._in_thread(lambda: self._make(layer, maker, sink), lifeline)
            return ""

        self._lifelines.add(lifeline)
        try:
            layers = await self._in_thread(lambda: self._layers(image, maker, sink), lifeline)
            missing, there = await self._in_thread(lambda: self._cache.missing(layers), lifeline)
            cached = {layer.key for layer in layers} - missing
            last = await build_layers(image, sink, cached, make, BUILDER, layers=layers)
            return await self._in_thread(lambda: self._built(image, layers, there, last, maker), lifeline)
        finally:
            self._lifelines.discard(lifeline)

    async def find_snapshot(self, id: str) -> BuiltImage | None:
        """See `intermodal.plugins.SnapshotBuilder`."""
        return await asyncio.to_thread(find_snapshot, self._cache, id)

    async def images(self) -> Sequence[ImageInfo]:
        """All layers, caches of steps and files sent to the engine, the most recently used first."""
        found = await asyncio.to_thread(self._kept.infos)
        return sorted(found, key=lambda info: info.used, reverse=True)

    async def prune(self, *, everything: bool = False, older_than_s: float = 0.0) -> PruneReport:
        """Remove of ours what nobody uses and is old enough. Nothing else of the engine's is touched."""

        def prune() -> PruneReport:
            removed = self._kept.prune(everything=everything, older_than_s=older_than_s)
            return PruneReport(
                removed=tuple(info.id for info in removed), bytes_freed=sum(info.size for info in removed)
            )

        return await asyncio.to_thread(prune)

    async def close(self) -> None:
        """End running builds, and let go of the layers. Idempotent."""
        for lifeline in list(self._lifelines):
            lifeline.cut()
        await asyncio.to_thread(self._threads.shutdown)
        self._uses.close()
        if self._opened is not None:
            self._opened.close()
        await asyncio.to_thread(self._engine.close)

    def _owner(self) -> Mapping[str, str]:
        """This session's labels, from the first layer on that it makes. Then it also removes what builds of ended
        sessions left. On any thread."""
        with self._opening:
            if self._opened is None:
                self._opened = contextlib.ExitStack()
                self._labels = self._opened.enter_context(Session(self._data_dir, self._engine.name)).labels
                with contextlib.suppress(RuntimeError):  # it is closing
                    self._threads.submit(self._reap)
            return self._labels

    def _reap(self) -> None:
        with contextlib.suppress(BackendError):  # the build says it better
            reap(self._engine, self._data_dir)

    def _layers(self, image: ImageSpec, maker: LayerMaker, sink: BuildSink) -> list[Layer]:
        """The image's layers, which depend on what its bases are now. Raises `ImageBuildError`."""
        unsalted = image_layers(image)
        salts: dict[ImageBase, str] = {}
        for layer in unsalted:
            base = layer.step
            if isinstance(base, (DebianSlim, Registry, Scratch)):
                try:
                    salts[base] = self._salt(base, maker)
                except BackendError as error:
                    raise Progress(unsalted, sink).failed(layer, error) from None

        def identify(step: ImageBase | ImageStep) -> str:
            salt = salts.get(step) if isinstance(step, (DebianSlim, Registry, Scratch)) else None
            return content_hash((salt, content_hash(step))) if salt else content_hash(step)

        return image_layers(image, identify=identify, session=self._session)

    def _salt(self, base: ImageBase, maker: LayerMaker) -> str:
        """The image that the base is called, as it is now. Where it was removed, the layers that were made from it
        still count."""
        if isinstance(base, Scratch):
            return ""
        name = self._options.reference(base)
        there = self._engine.image(name)
        known = there.id if there is not None else self._cache.last_base(name)
        return f"{name} {known or maker.obtain(base).id}"

    def _make(self, layer: Layer, maker: LayerMaker, sink: BuildSink) -> None:
        """Make a layer, unless somebody else just has. Raises `BackendError`."""

        def waits() -> None:
            sink.output(layer.number, "another build makes this step now; waiting for it")

        try:
            # One of 256 names, as files of locks stay: two layers that share one wait for each other, no more.
            with alone_with(self._locks, f"layer {layer.key[:2]}", waits, maker.lifeline.check):
                if self._cache.find(layer.key) is not None:
                    return
                if layer.parent is None:
                    maker.base(layer)
                else:
                    maker.step(layer, self._below(layer.parent), [self._below(key) for key in layer.sources])
                if layer.plain != layer.key:  # forced: from now on this is what the unforced step means, too
                    self._engine.tag(reference(layer.key), reference(layer.plain))
        except (StepFailed, StepRefused) as failure:
            raise BackendError(str(failure)) from None
        except BackendError as error:
            maker.lifeline.check()
            hint = hint_for(str(error))
            raise BackendError(f"{error}\n{hint}" if hint else str(error)) from error

    def _below(self, key: str) -> CachedLayer:
        found = self._cache.find(key)
        if found is None:
            raise BackendError("a layer was removed meanwhile: run it again")
        return found

    def _built(
        self, image: ImageSpec, layers: Sequence[Layer], there: CachedLayer | None, last: str, maker: LayerMaker
    ) -> BuiltImage:
        """`there`: the layer `last`, where it is known already."""
        for layer in layers:
            self._uses.use(layer.key)
        found = there or self._below(last)
        if image.entrypoint() is not None or image.cmd() is not None:
            key = content_hash((last, image.entrypoint(), image.cmd()))
            self._uses.use(key)
            if self._cache.find(key) is None:
                maker.programs(key, found, image.entrypoint(), image.cmd())
            found = self._below(key)
        return BuiltImage.of(image, found.image, python=found.python)

    async def _in_thread(self, work: Callable[[], T], lifeline: Lifeline) -> T:
        """In a thread of the builder's own. Cancelled, it ends the build and waits for that."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            lifeline.cut()
            await asyncio.gather(future, return_exceptions=True)
            raise
