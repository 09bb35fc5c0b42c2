"""The launcher reports a container that ran out of memory as one that was killed, without a word of why."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import BuiltImage, Container, ContainerExit, GpuLease, Launcher, OutputSink, hookimpl
from intermodal.specs import ContainerSpec
from mutants.around import AroundContainer, AroundLauncher


class FaultyContainer(AroundContainer):
    async def wait(self) -> ContainerExit:
        ending = await self.inner.wait()
        return ContainerExit(cause="killed", code=137) if ending.cause == "out_of_memory" else ending


class Faulty(AroundLauncher):
    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        return FaultyContainer(await self.inner.launch(spec, image, gpus, boot, output))


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
