"""The backend dies after its first container: from then on nothing starts."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import BuiltImage, Container, GpuLease, Launcher, OutputSink, hookimpl
from intermodal.specs import ContainerSpec
from mutants.around import AroundLauncher

LIVES = 1


class Faulty(AroundLauncher):
    launches = 0

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        self.launches += 1
        if self.launches > LIVES:
            raise ConnectionRefusedError("the daemon does not answer")
        return await self.inner.launch(spec, image, gpus, boot, output)


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
