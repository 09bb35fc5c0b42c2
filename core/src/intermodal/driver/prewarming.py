"""When a container is started ahead: one for each pool in use, so that its next one starts at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from intermodal.driver.pools import Pool
from intermodal.plugins.prewarm import Prewarmed
from intermodal.specs import FunctionSpec

__all__ = ["Prewarming", "suits"]

#: Seconds from a change to the look at what is wanted: programs that are over by then do not pay for a spare.
SETTLE_S = 1.0


def suits(function: FunctionSpec) -> bool:
    """Whether a container of it may be started before anybody needs it.

    Not one with GPUs, which it would hold; nor with volumes, whose head it sees as of its start (volume.snapshot); nor
    with a memory snapshot, which makes its start fast already.
    """
    return function.resources.gpu is None and not function.volumes and not function.snapshot


class Prewarming:
    """Keeps a spare for each pool that has a container at work, as long as one more could start there.

    A spare counts against nothing until a launch takes it. Neither the engine nor observers know of it; where one
    cannot be made, the pool goes without. On the loop only.

    Args:
        in_use: the pools that have a container whose guest has started.
        may_grow: whether the engine could start one more in a pool, by its id.
        make: starts a spare.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        in_use: Callable[[], Iterable[Pool]],
        may_grow: Callable[[str], bool],
        make: Callable[[Pool], Coroutine[Any, Any, Prewarmed]],
    ) -> None:
        self._loop = loop
        self._in_use = in_use
        self._may_grow = may_grow
        self._make = make
        self._spares: dict[str, asyncio.Task[Prewarmed]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def changed(self) -> None:
        """A container came or went."""
        if self._timer is None and not self._closed:
            self._timer = self._loop.call_later(SETTLE_S, self._look)

    async def close(self) -> None:
        """Returns when no spare is left."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for pool in list(self._spares):
            self._let_go(pool)
        await asyncio.gather(*self._leaving)

    def _look(self) -> None:
        self._timer = None
        wanted = {pool.id: pool for pool in self._in_use() if suits(pool.function) and self._may_grow(pool.id)}
        for id in list(self._spares):
            if id not in wanted or _over(self._spares[id]):
                self._let_go(id)
        for id, pool in wanted.items():
            if id not in self._spares:
                self._spares[id] = self._loop.create_task(self._make(pool))

    def _let_go(self, pool: str) -> None:
        task = self._loop.create_task(_dismiss(self._spares.pop(pool)))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def _over(spare: asyncio.Task[Prewarmed]) -> bool:
    return spare.done() and (spare.cancelled() or spare.exception() is not None or spare.result().over)


async def _dismiss(spare: asyncio.Task[Prewarmed]) -> None:
    spare.cancel()
    await asyncio.wait({spare})
    if not spare.cancelled() and spare.exception() is None:  # a launch that fares as badly will say so
        with contextlib.suppress(Exception):  # what a launcher could not remove it has to see to at its end
            await spare.result().dismiss()
