"""Functions of an app as they are now: what waits, what runs, and in how many containers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from intermodal.server.hosting import Hosting
from intermodal.specs import FunctionSpec

__all__ = ["Load", "loads"]


@dataclass(frozen=True, slots=True)
class Load:
    """Inputs and containers, of all running versions together."""

    queued: int = 0
    running: int = 0
    starting: int = 0
    ready: int = 0
    parked: int = 0

    @property
    def containers(self) -> int:
        """All that are there or will be soon."""
        return self.starting + self.ready + self.parked


async def loads(hosting: Hosting, environment: str, app: str) -> tuple[dict[str, Load], dict[str, FunctionSpec]]:
    """By function, what it has to do now; and the functions that run. On the server's loop."""
    found: dict[str, Load] = {}
    specs: dict[str, FunctionSpec] = {}
    sessions = hosting.sessions(environment, app)
    for pools in await asyncio.gather(*(session.pools() for session in sessions)):
        for function, view in pools:
            before = found.get(function.name, Load())
            found[function.name] = replace(
                before,
                queued=before.queued + view.queued,
                running=before.running + view.running,
                starting=before.starting + view.starting,
                ready=before.ready + view.ready,
                parked=before.parked + view.parked,
            )
    for session in sessions:
        specs |= {function.name: function for function in session.app.functions}
    return found, specs
