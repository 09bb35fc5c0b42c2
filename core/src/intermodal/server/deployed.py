"""A deployed version in this process: its session, which starts when it is first needed and outlives connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from intermodal.driver import EmbeddedSession
from intermodal.exception import NotFoundError
from intermodal.server.package import Package
from intermodal.server.version_table import Version

__all__ = ["Deployed", "Running"]


@dataclass(frozen=True, slots=True)
class Running:
    """A session that has started, and what it runs."""

    session: EmbeddedSession
    package: Package


class Deployed:
    """On the server's loop.

    Args:
        load: what it runs; blocks.
        open_session: a session of it, not entered yet; blocks.
    """

    def __init__(
        self, version: Version, load: Callable[[], Package], open_session: Callable[[Package], EmbeddedSession]
    ) -> None:
        self.version = version
        self._load = load
        self._open_session = open_session
        self._package: asyncio.Task[Package] | None = None
        self._running: asyncio.Task[Running] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._quiet: tuple[int, float] | None = None  #: calls so far, and since when there were none but these
        self._resting: asyncio.Task[None] | None = None

    async def package(self) -> Package:
        """What it runs. Raises `ConfigError`: its secrets cannot be opened."""
        if self._package is None or _failed(self._package):
            self._package = asyncio.create_task(asyncio.to_thread(self._load))
        return await asyncio.shield(self._package)

    async def running(self) -> Running:
        """Its session, started now where it was not; what fails is tried again the next time.

        Raises `NotFoundError`: it has been stopped; and what starting a session raises.
        """
        if self._closing is not None:
            raise NotFoundError(f"version {self.version.number} of app {self.version.app!r} has been stopped")
        if self._resting is not None:
            await asyncio.shield(self._resting)
            return await self.running()
        if self._running is None or _failed(self._running):
            self._running = asyncio.create_task(self._start())
        return await asyncio.shield(self._running)

    @property
    def now(self) -> Running | None:
        """The same without waiting; None where it does not run (yet)."""
        running = self._running
        if (
            running is None
            or self._closing is not None
            or self._resting is not None
            or not running.done()
            or _failed(running)
        ):
            return None
        return running.result()

    async def _start(self) -> Running:
        package = await self.package()
        session = await asyncio.to_thread(self._open_session, package)
        await asyncio.to_thread(session.__enter__)
        return Running(session, package)

    async def rest(self, idle_s: float) -> None:
        """End its session where nobody has needed it for `idle_s` seconds, as far as regular looks can tell: what it
        holds (a thread, processes of the backend) is then free, and its next call starts it anew."""
        running = self.now
        used = None if running is None else await running.session.calls_if_unused()
        now = asyncio.get_running_loop().time()
        if running is None or used is None:
            self._quiet = None
        elif self._quiet is None or self._quiet[0] != used:
            self._quiet = used, now
        elif now >= self._quiet[1] + idle_s and self.now is running:
            self._quiet = None
            self._resting = asyncio.create_task(self._rest(running.session, used))
            await asyncio.shield(self._resting)

    async def _rest(self, session: EmbeddedSession, calls: int) -> None:
        """From now on nobody gets the session; what was given to it before, it has heard when it answers."""
        try:
            if await session.calls_if_unused() == calls:
                self._running = None
                await asyncio.to_thread(session.close)
        finally:
            self._resting = None

    async def drained(self) -> None:
        """Wait until its calls have ended; none come any more."""
        if self._resting is not None:
            await asyncio.shield(self._resting)
        if self._running is not None and not _failed(self._running):
            await (await asyncio.shield(self._running)).session.idle()

    async def close(self, grace_s: float | None = None) -> None:
        """End it: running inputs get `grace_s` seconds (default: as configured). Goes on where its caller is cancelled.
        Idempotent."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(grace_s))
        await asyncio.shield(self._closing)

    async def _close(self, grace_s: float | None) -> None:
        if self._resting is not None:
            await asyncio.wait({self._resting})
        if self._running is None:
            return
        await asyncio.wait({self._running})
        if not _failed(self._running):
            await asyncio.to_thread(self._running.result().session.close, grace_s)


def _failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
