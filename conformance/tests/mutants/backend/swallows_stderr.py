"""The launcher gives nothing of file descriptor 2 to the sink."""

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
        def sink(stream: Literal[1, 2], data: bytes) -> None:
            if stream == 1:
                output(stream, data)

        return await self.inner.launch(spec, image, gpus, boot, sink)


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
