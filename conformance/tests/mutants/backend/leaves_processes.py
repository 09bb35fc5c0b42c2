"""The launcher's `close` ends nothing: its supervisor and zygotes stay."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import Launcher, hookimpl
from mutants.around import AroundLauncher


class Faulty(AroundLauncher):
    async def close(self) -> None:
        pass


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
