"""The launcher reports the end by any signal as exit code 255."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from intermodal.plugins import ContainerExit, Launcher, hookimpl
from mutants.around import AroundContainer, AroundContainers


class FaultyContainer(AroundContainer):
    async def wait(self) -> ContainerExit:
        ending = await self.inner.wait()
        return replace(ending, code=255) if ending.code is not None and ending.code > 128 else ending


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return AroundContainers((yield), FaultyContainer)
