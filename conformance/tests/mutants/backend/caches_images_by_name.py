"""The builder's cache goes by the names of an image's steps, not by what they do."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import Blobs, Builder, BuildSink, BuiltImage, hookimpl
from intermodal.specs import ImageSpec
from mutants.around import AroundBuilder


class Faulty(AroundBuilder):
    def __init__(self, inner: Builder) -> None:
        super().__init__(inner)
        self._known: dict[tuple[str, ...], BuiltImage] = {}

    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink) -> BuiltImage:
        name = tuple(type(step).__name__ for step in image.steps)
        if name not in self._known:
            self._known[name] = await self.inner.build(image, blobs, sink)
        return self._known[name]


@hookimpl(wrapper=True)
def intermodal_builder() -> Generator[None, Builder, Builder]:
    return Faulty((yield))
