"""A container that stands ready and is dismissed goes on until the launcher is closed."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import BuiltImage, Launcher, hookimpl
from intermodal.specs import ContainerSpec
from mutants.ahead import AheadLauncher, Spare


class Forgotten(Spare):
    async def dismiss(self) -> None:
        self.over = True


class Faulty(AheadLauncher):
    async def prewarm(self, spec: ContainerSpec, image: BuiltImage) -> Spare:
        spare = Forgotten(spec)
        spare.container = await self.inner.launch(spec, image, None, b"", spare)
        return spare


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
