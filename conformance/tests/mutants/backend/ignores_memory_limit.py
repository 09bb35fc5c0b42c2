"""The launcher starts every container without a memory limit."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from intermodal.plugins import BuiltImage, Container, GpuLease, Launcher, OutputSink, hookimpl
from intermodal.specs import ContainerSpec
from mutants.around import AroundLauncher


class Faulty(AroundLauncher):
    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        free = replace(spec, resources=replace(spec.resources, memory_limit=None))
        return await self.inner.launch(free, image, gpus, boot, output)


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
