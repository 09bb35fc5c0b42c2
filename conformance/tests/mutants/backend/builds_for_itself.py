"""Whoever wants an image that another one is building at the moment builds it as well, for itself."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Generator
from dataclasses import replace

from intermodal.plugins import Blobs, Builder, BuildSink, BuiltImage, hookimpl
from intermodal.specs import ImageSpec, SetEnv, content_hash
from mutants.around import AroundBuilder

building: Counter[str] = Counter()


class Faulty(AroundBuilder):
    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink) -> BuiltImage:
        name = content_hash(image)
        another = SetEnv(variables=(("BUILD", uuid.uuid4().hex),))
        building[name] += 1
        try:
            steps = image.steps if building[name] == 1 else (another, *image.steps)
            return replace(await self.inner.build(replace(image, steps=steps), blobs, sink), id=name)
        finally:
            building[name] -= 1


@hookimpl(wrapper=True)
def intermodal_builder() -> Generator[None, Builder, Builder]:
    return Faulty((yield))
