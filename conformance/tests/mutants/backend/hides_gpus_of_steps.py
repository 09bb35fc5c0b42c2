"""Steps of images are run without the devices that they asked for: nothing of these is in their environment."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

from intermodal.plugins import Blobs, Builder, BuildGrants, BuildSink, BuiltImage, GpuLease, StepGpus, hookimpl
from intermodal.specs import GpuRequest, ImageSpec
from mutants.around import AroundBuilder

NOTHING = BuildGrants()


class Hiding:
    def __init__(self, inner: StepGpus) -> None:
        self.inner = inner

    @contextmanager
    def hold(self, request: GpuRequest, number: int, check: Callable[[], None]) -> Iterator[GpuLease]:
        with self.inner.hold(request, number, check) as lease:
            yield replace(lease, env=())


class Faulty(AroundBuilder):
    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink, grants: BuildGrants = NOTHING) -> BuiltImage:
        if grants.gpus is not None:
            grants = replace(grants, gpus=Hiding(grants.gpus))
        return await self.inner.build(image, blobs, sink, grants)  # type: ignore[call-arg]


@hookimpl(wrapper=True)
def intermodal_builder() -> Generator[None, Builder, Builder]:
    return Faulty((yield))
