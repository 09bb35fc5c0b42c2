"""Classes for cls.*"""

from __future__ import annotations

import asyncio
import time

import intermodal
from intermodal_conformance.apps.common import SMALL, app
from intermodal_conformance.apps.scaling import CONTAINER


class Base:
    """What the class below inherits."""

    log: list[str]

    @intermodal.enter()
    def base_enter(self) -> None:
        """The first."""
        self.log = ["base_enter"]
        print(f"entered {CONTAINER}", flush=True)

    @intermodal.exit()
    def base_exit(self) -> None:
        """The first."""
        print(f"base exit {CONTAINER}", flush=True)


@app.cls(scaledown_window=1, **SMALL)
class Lifecycle(Base):
    """Enters and exits in their order."""

    name: str = intermodal.parameter(default="plain")

    @intermodal.enter()
    def second(self) -> None:
        """After the base's."""
        self.log.append("second")

    @intermodal.enter()
    async def third(self) -> None:
        """In order of definition, async ones too."""
        await asyncio.sleep(0)
        self.log.append("third")

    @intermodal.method()
    def look(self) -> tuple[str, list[str]]:
        """The container, and what ran in it."""
        self.log.append("look")
        return CONTAINER, self.log

    @intermodal.exit()
    async def last(self) -> None:
        """After the base's."""
        await asyncio.sleep(0)
        print(f"exit {CONTAINER} {time.time()}", flush=True)
