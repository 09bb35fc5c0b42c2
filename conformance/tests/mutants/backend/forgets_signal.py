"""The launcher reports the end by any signal as exit code 255."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from intermodal.plugins import BuiltImage, Container, ContainerExit, GpuLease, Launcher, OutputSink, hookimpl
from intermodal.specs import ContainerSpec
from mutants.around import AroundContainer, AroundLauncher


class FaultyContainer(AroundContainer):
    async def wait(self) -> ContainerExit:
        ending = await self.inner.wait()
        return replace(ending, code=255) if ending.code is not None and ending.code > 128 else ending


class Faulty(AroundLauncher):
    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        return FaultyContainer(await self.inner.launch(spec, image, gpus, boot, output))


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
