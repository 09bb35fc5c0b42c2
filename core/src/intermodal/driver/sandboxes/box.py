"""One sandbox of this session: what was asked for, what runs in it, how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from intermodal.driver.sandboxes.attending import Attendant
from intermodal.driver.sandboxes.process import Process
from intermodal.driver.sandboxes.spool import Spool
from intermodal.driver.sandboxes.streams import Stream
from intermodal.driver.sandboxes.tunnels import Tunnels
from intermodal.driver.sandboxes.view import SandboxView
from intermodal.exception import Error, NotFoundError
from intermodal.plugins.roles import Container
from intermodal.specs import SandboxSpec
from intermodal.storage import Reply

__all__ = ["Box", "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: see `intermodal.engine.commands.SandboxEnded`."""

    cause: str
    code: int
    detail: str = ""


class Box:
    """State in one place; the rules are the engine's, the doing is the service's.

    Args:
        env: values of secrets, for its processes.
        keys: values of its buckets' secrets, by the names that `spec` has.
    """

    def __init__(
        self,
        id: str,
        spec: SandboxSpec,
        env: Mapping[str, str],
        keys: Mapping[str, Mapping[str, str]],
        folder: Path,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.id = id
        self.spec = spec
        self.env = env
        self.keys = keys
        self.tags = dict(spec.tags)
        self.created = time.time()
        self.container: Container | None = None
        self.error: Exception | None = None  #: why it could not start
        self.started: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[Outcome] = loop.create_future()
        self.task: asyncio.Task[None] | None = None
        self.spool = Spool(folder / f"{id}.out")
        #: of its own program, which nobody may read for long: nothing is held back
        self.output = {1: Stream(self.spool, patient=True), 2: Stream(self.spool, patient=True)}
        self.program: Process | None = None
        self.processes: dict[str, Process] = {}
        self.number = 0
        self.tunnels: Tunnels | None = None
        self.ending = False  #: its end has begun, and will be known
        self._attendant: asyncio.Task[Attendant] | None = None
        self._attendants = 0

    @property
    def runs(self) -> bool:
        """Whether something can be started in it."""
        return self.container is not None and not self.ended.done()

    async def running(self) -> Container:
        """Its container, when it has one. Raises `NotFoundError`, when its end is over, where that has begun."""
        await asyncio.shield(self.started)
        if self.ending:
            await asyncio.shield(self.ended)
        if self.container is None or self.ended.done():
            raise NotFoundError(f"sandbox {self.id} has ended{self._how()}: create another one")
        return self.container

    async def do(self, operation: str, arguments: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        """Have its attendant do something. Raises as `running`, `Attendant.start` and `Attendant.do` do."""
        container = await self.running()
        try:
            return await (await self._attended(container)).do(operation, arguments, segments)
        except Error:
            await self.running()  # what failed may have failed of its end
            raise

    async def _attended(self, container: Container) -> Attendant:
        """What looks at its files: started for the first one, and again where a program inside has ended it."""
        task = self._attendant
        if task is None or (task.done() and (task.exception() is not None or task.result().over)):
            self._attendants += 1
            task = asyncio.get_running_loop().create_task(Attendant.start(container, self._attendants))
            self._attendant = task
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Its container is gone: so is what belongs to it."""
        for process in [*self.processes.values(), *([self.program] if self.program else [])]:
            await process.close()
        if self.tunnels is not None:
            await self.tunnels.close()
        if self._attendant is not None:
            with contextlib.suppress(Error):
                await (await self._attendant).close()

    def process(self, number: str) -> Process:
        """One that was started in it; "" is its own program. Raises `NotFoundError`."""
        found = self.program if not number else self.processes.get(number)
        if found is None:
            what = f"process {number!r}" if number else "program of its own"
            raise NotFoundError(f"sandbox {self.id} has no {what}")
        return found

    def stream(self, number: str, which: int) -> Stream:
        """Standard output (1) or error (2). Raises `NotFoundError`."""
        streams = self.output if not number else self.process(number).streams
        return streams[1] if which == 1 else streams[2]

    def view(self) -> SandboxView:
        """It as it is now."""
        outcome = self.ended.result() if self.ended.done() else None
        return SandboxView(
            id=self.id,
            app=self.spec.app,
            name=self.spec.name,
            argv=self.spec.argv,
            tags=dict(self.tags),
            created=self.created,
            state=outcome.cause if outcome else "running" if self.container else "starting",
            code=outcome.code if outcome else None,
            detail=outcome.detail if outcome else "",
        )

    def described(self) -> dict[str, Any]:
        """What a list of a client shows of it."""
        return {**asdict(self.view()), "argv": list(self.spec.argv)}

    def _how(self) -> str:
        if not self.ended.done():
            return ""
        outcome = self.ended.result()
        return f" ({outcome.cause}, exit code {outcome.code})"
