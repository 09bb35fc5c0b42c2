"""Containers that stand ready until a launch takes one: found by what was asked of the engine for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from intermodal_docker.arrived import Arrived
from intermodal_docker.engine import CreateRequest

__all__ = ["Spare", "Spares"]


class Spare:
    """One of them. Implements `intermodal.plugins.Prewarmed`. On the loop only.

    Args:
        request: what was asked for it.
        remove: has the engine remove it; never raises what the engine raises.
    """

    def __init__(self, request: CreateRequest, arrived: Arrived, remove: Callable[[str], Awaitable[None]]) -> None:
        self._request = _anonymous(request)
        self._arrived = arrived
        self._remove = remove
        self._loop = asyncio.get_running_loop()
        self._taken = False
        self._removal: asyncio.Task[None] | None = None
        self._loop.add_reader(arrived.line.fileno(), self._end)  # process 1 says nothing of itself: it has ended

    @property
    def over(self) -> bool:
        """See the protocol."""
        return self._taken or self._removal is not None

    @property
    def settled(self) -> bool:
        """A launch has it, or nothing of it is left."""
        return self._taken or (self._removal is not None and self._removal.done())

    def take(self, request: CreateRequest) -> Arrived | None:
        """It, if it is what `request` asks for, and lives."""
        if self.over or self._request != _anonymous(request):
            return None
        if not self._arrived.lives():
            self._end()
            return None
        self._taken = True
        self._loop.remove_reader(self._arrived.line.fileno())
        return self._arrived

    async def dismiss(self) -> None:
        """See the protocol."""
        self._end()
        if self._removal is not None:
            await asyncio.shield(self._removal)

    def _end(self) -> None:
        if self.over:
            return
        self._loop.remove_reader(self._arrived.line.fileno())
        self._arrived.line.close()  # which ends it, if it has not ended
        self._removal = self._loop.create_task(self._clear_up())

    async def _clear_up(self) -> None:
        await self._remove(self._arrived.container)


class Spares:
    """Those of a launcher."""

    def __init__(self) -> None:
        self._spares: list[Spare] = []

    def add(self, spare: Spare) -> Spare:
        """Another one."""
        self._spares = [*(other for other in self._spares if not other.settled), spare]
        return spare

    def take(self, request: CreateRequest) -> Arrived | None:
        """One that is what `request` asks for."""
        for spare in self._spares:
            arrived = spare.take(request)
            if arrived is not None:
                return arrived
        return None

    async def close(self) -> None:
        """Returns when none is left."""
        await asyncio.gather(*(spare.dismiss() for spare in self._spares))


def _anonymous(request: CreateRequest) -> CreateRequest:
    """Names tell containers apart, and nothing else."""
    return replace(request, name=None, hostname=None)
