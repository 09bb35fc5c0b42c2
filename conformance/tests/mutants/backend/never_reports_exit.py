"""The launcher never tells that a container has ended: whoever waits for it waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

from intermodal.plugins import BuiltImage, Container, ContainerExit, GpuLease, Launcher, OutputSink, hookimpl
from intermodal.specs import ContainerSpec
from mutants.around import AroundContainer, AroundLauncher


class FaultyContainer(AroundContainer):
    async def wait(self) -> ContainerExit:
        await self.inner.wait()
        return await asyncio.get_running_loop().create_future()


class Faulty(AroundLauncher):
    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        return FaultyContainer(await self.inner.launch(spec, image, gpus, boot, output))


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
