"""A launcher that can start containers ahead, around one that cannot. A mutant overrides a method and gets it wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from intermodal.plugins import BuiltImage, Container, GpuLease, Launcher, OutputSink
from intermodal.specs import ContainerSpec
from mutants.around import AroundContainer, AroundLauncher

__all__ = ["AheadLauncher", "Spare"]


class Spare:
    """See `intermodal.plugins.Prewarmed`."""

    def __init__(self, spec: ContainerSpec) -> None:
        self.spec = spec
        self.over = False
        self.container: Container
        self.output: OutputSink = lambda stream, data: None

    def __call__(self, stream: Literal[1, 2], data: bytes) -> None:
        self.output(stream, data)

    async def dismiss(self) -> None:
        if not self.over:
            self.over = True
            self.container.stream.close()
            await self.container.kill()
            await self.container.wait()


class Taken(AroundContainer):
    """One that has its launch's id."""

    def __init__(self, inner: Container, id: str) -> None:
        super().__init__(inner)
        self._id = id

    @property
    def id(self) -> str:
        return self._id


class AheadLauncher(AroundLauncher):
    """See `intermodal.plugins.Prewarmer`. For containers of the suite's stand-in, which wait for no boot frame."""

    def __init__(self, inner: Launcher) -> None:
        super().__init__(inner)
        self.spares: list[Spare] = []

    async def prewarm(self, spec: ContainerSpec, image: BuiltImage) -> Spare:
        spare = Spare(spec)
        spare.container = await self.inner.launch(spec, image, None, b"", spare)
        self.spares.append(spare)
        return spare

    def fits(self, spare: Spare, spec: ContainerSpec) -> bool:
        return replace(spare.spec, id=spec.id) == spec

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        for spare in self.spares:
            if not spare.over and self.fits(spare, spec):
                spare.over, spare.output = True, output
                return Taken(spare.container, spec.id)
        return await self.inner.launch(spec, image, gpus, boot, output)

    async def close(self) -> None:
        for spare in self.spares:
            await spare.dismiss()
        await self.inner.close()
