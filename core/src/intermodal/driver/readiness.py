"""Is an app ready to be called? Its images are built, the containers that it always has are up, and the others have
been seen to start (deploy.rolling)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from intermodal.client.api import CallTarget
from intermodal.engine import events
from intermodal.exception import ContainerStartError
from intermodal.specs import AppSpec, FunctionSpec

if TYPE_CHECKING:
    from intermodal.driver.driver import Driver
    from intermodal.driver.unit import Unit

__all__ = ["Readiness", "to_try"]

#: Containers of one function that fail to start, in a row, before it counts as broken.
_TRIES = 3
#: Seconds without room for a container after which it is not waited for: what holds the room may be the version before.
_ROOM_S = 10.0
_LOOK_S = 1.0


def to_try(functions: Iterable[FunctionSpec]) -> Iterator[FunctionSpec]:
    """Those of which a container should be seen to start: all with code of their own to run then, which are web
    functions and classes, and of the others one for each module, which is what they import.

    A class with parameters has containers for each set of values, and none without.
    """
    modules: set[object] = set()
    for function in functions:
        if function.is_class or any(method.web is not None for method in function.methods):
            if not function.parameters:
                yield function
            continue
        target = function.target
        module = target.module, target.pickled, function.image, function.source, function.mounts
        circumstances = function.env, function.secrets, function.volumes, function.buckets
        if (module, circumstances) not in modules:
            modules.add((module, circumstances))
            yield function


class Readiness:
    """Of one driver, which tells it of its containers. On the driver's loop."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._failed: Counter[str] = Counter()
        self._why: dict[str, str] = {}
        self._came_up: set[str] = set()
        self._changed = asyncio.Event()

    def started(self, unit: Unit) -> None:
        """A container is ready."""
        self._failed.pop(unit.pool.id, None)
        self._came_up.add(unit.pool.id)
        self._changed.set()

    def ended(self, unit: Unit) -> None:
        """A container is gone; perhaps it was never ready."""
        if unit.trouble and not unit.ready:
            self._failed[unit.pool.id] += _TRIES if unit.hopeless else 1
            self._why[unit.pool.id] = unit.trouble
        self._changed.set()

    async def reached(self, app: AppSpec, *, trying: bool) -> None:
        """Wait until every image is built, and `min_containers` of every function are up; and, where `trying` says so,
        until the containers of the others have been seen to start. What has no room for long is not waited for.

        Raises `ImageBuildError`, `CapabilityNotSupported`; `ContainerStartError`: a container does not come up.
        """
        tried = {function.key for function in to_try(app.functions)} if trying else set()
        try:
            async with asyncio.TaskGroup() as group:
                for function in app.functions:
                    group.create_task(self._function(app, function, function.key in tried))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _function(self, app: AppSpec, function: FunctionSpec, tried: bool) -> None:
        driver = self._driver
        await driver.starter.ready_image(function)
        wanted = function.scaling.min_containers
        if not (wanted or tried):
            return
        pool = driver.calling.pool(CallTarget(app.name, function.key))
        if tried:
            driver.post(events.ContainerTried(pool.id))
        room_at = driver.loop.time()
        while True:
            units = [unit for unit in driver.units.values() if unit.pool is pool]
            if pool.id in self._came_up and sum(unit.ready for unit in units) >= wanted:
                return
            if self._failed[pool.id] >= _TRIES:
                raise ContainerStartError(f"{function.name}: no container comes up: {self._why[pool.id]}")
            if units:
                room_at = driver.loop.time()
            elif driver.loop.time() > room_at + _ROOM_S:
                return
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()
