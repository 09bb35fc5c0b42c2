"""The launcher tells of one exit twice, and not the same: who asks later hears that the container was lost."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import ContainerExit, Launcher, hookimpl
from mutants.around import AroundContainer, AroundContainers


class FaultyContainer(AroundContainer):
    told = False

    async def wait(self) -> ContainerExit:
        ending = await self.inner.wait()
        if self.told:
            return ContainerExit(cause="lost", detail="the container is not known")
        self.told = True
        return ending


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return AroundContainers((yield), FaultyContainer)
