"""The launcher reports a container that ran out of memory as one that was killed, without a word of why."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import ContainerExit, Launcher, hookimpl
from mutants.around import AroundContainer, AroundContainers


class FaultyContainer(AroundContainer):
    async def wait(self) -> ContainerExit:
        ending = await self.inner.wait()
        return ContainerExit(cause="killed", code=137) if ending.cause == "out_of_memory" else ending


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return AroundContainers((yield), FaultyContainer)
