"""The launcher never tells that a container has ended: whoever waits for it waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

from intermodal.plugins import ContainerExit, Launcher, hookimpl
from mutants.around import AroundContainer, AroundContainers


class FaultyContainer(AroundContainer):
    async def wait(self) -> ContainerExit:
        await self.inner.wait()
        return await asyncio.get_running_loop().create_future()


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return AroundContainers((yield), FaultyContainer)
