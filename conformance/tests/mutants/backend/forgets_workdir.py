"""The builder says that every image's working directory is /."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from intermodal.plugins import Blobs, Builder, BuildSink, BuiltImage, hookimpl
from intermodal.specs import ImageSpec
from mutants.around import AroundBuilder


class Faulty(AroundBuilder):
    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink) -> BuiltImage:
        return replace(await self.inner.build(image, blobs, sink), workdir="/")


@hookimpl(wrapper=True)
def intermodal_builder() -> Generator[None, Builder, Builder]:
    return Faulty((yield))
