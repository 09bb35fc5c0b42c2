"""The builder takes what stands of an image whose last step failed for the image."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from intermodal.exception import ImageBuildError
from intermodal.plugins import Blobs, Builder, BuildSink, BuiltImage, hookimpl
from intermodal.specs import ImageSpec
from mutants.around import AroundBuilder


class Faulty(AroundBuilder):
    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink) -> BuiltImage:
        try:
            return await self.inner.build(image, blobs, sink)
        except ImageBuildError:
            return await self.build(replace(image, steps=image.steps[:-1]), blobs, sink)


@hookimpl(wrapper=True)
def intermodal_builder() -> Generator[None, Builder, Builder]:
    return Faulty((yield))
