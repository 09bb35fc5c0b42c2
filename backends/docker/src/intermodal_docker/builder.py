"""The build role: images by the engine's own means."""

from __future__ import annotations

import asyncio

from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import Blobs, Builder, BuildSink, BuiltImage, Config
from intermodal.specs import DebianSlim, ImageSpec, SetEnv, SetWorkdir
from intermodal_docker.engine import Engine

__all__ = ["EngineBuilder"]


class EngineBuilder(Builder):
    """See `intermodal.plugins.Builder`. An image's `ref` is what the engine knows it by."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self._engine = engine
        self._config = config

    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink) -> BuiltImage:
        """See the protocol."""
        if not isinstance(image.base, DebianSlim) or not all(isinstance(s, SetEnv | SetWorkdir) for s in image.steps):
            raise CapabilityNotSupported("image.from_registry", self._engine.name, "images come later")
        reference = f"python:{image.base.python}-slim-bookworm"
        if await asyncio.to_thread(self._engine.image, reference) is None:
            await asyncio.to_thread(self._engine.pull, reference, lambda line: sink.output(1, line))
        return BuiltImage.of(image, reference)

    async def close(self) -> None:
        """See the protocol."""
        await asyncio.to_thread(self._engine.close)
