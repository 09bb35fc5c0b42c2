"""A launch takes any container that stands ready, whatever that was started for."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import Launcher, hookimpl
from intermodal.specs import ContainerSpec
from mutants.ahead import AheadLauncher, Spare


class Faulty(AheadLauncher):
    def fits(self, spare: Spare, spec: ContainerSpec) -> bool:
        return True


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
