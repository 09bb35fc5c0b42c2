"""The launcher is one read behind: what a container writes last never reaches the sink."""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal

from intermodal.plugins import BuiltImage, Container, GpuLease, Launcher, OutputSink, hookimpl
from intermodal.specs import ContainerSpec
from mutants.around import AroundLauncher


class Faulty(AroundLauncher):
    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        held: dict[Literal[1, 2], bytes] = {1: b"", 2: b""}

        def sink(stream: Literal[1, 2], data: bytes) -> None:
            held[stream], late = data, held[stream]
            if late:
                output(stream, late)

        return await self.inner.launch(spec, image, gpus, boot, sink)


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
