"""The launcher tells of one exit twice, and not the same: who asks later hears that the container was lost."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import BuiltImage, Container, ContainerExit, GpuLease, Launcher, OutputSink, hookimpl
from intermodal.specs import ContainerSpec
from mutants.around import AroundContainer, AroundLauncher


class FaultyContainer(AroundContainer):
    told = False

    async def wait(self) -> ContainerExit:
        ending = await self.inner.wait()
        if self.told:
            return ContainerExit(cause="lost", detail="the container is not known")
        self.told = True
        return ending


class Faulty(AroundLauncher):
    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        return FaultyContainer(await self.inner.launch(spec, image, gpus, boot, output))


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
