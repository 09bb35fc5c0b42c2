"""Is an app ready to be called? Its images are built, and the containers that it always has are up (deploy.rolling)."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from intermodal.client.api import CallTarget
from intermodal.exception import ContainerStartError
from intermodal.specs import AppSpec, FunctionSpec

if TYPE_CHECKING:
    from intermodal.driver.driver import Driver
    from intermodal.driver.unit import Unit

__all__ = ["Readiness"]

#: Containers of one function that fail to start, in a row, before it counts as broken.
_TRIES = 3


class Readiness:
    """Of one driver, which tells it of its containers. On the driver's loop."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._failed: Counter[str] = Counter()
        self._why: dict[str, str] = {}
        self._changed = asyncio.Event()

    def started(self, unit: Unit) -> None:
        """A container is ready."""
        self._failed.pop(unit.pool.id, None)
        self._changed.set()

    def ended(self, unit: Unit) -> None:
        """A container is gone; perhaps it was never ready."""
        if not unit.ready:
            self._failed[unit.pool.id] += 1
            self._why[unit.pool.id] = unit.trouble
        self._changed.set()

    async def reached(self, app: AppSpec) -> None:
        """Wait until every image is built, and `min_containers` of every function are up.

        Raises `ImageBuildError`, `CapabilityNotSupported`; `ContainerStartError`: a container does not come up.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for function in app.functions:
                    group.create_task(self._function(app, function))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _function(self, app: AppSpec, function: FunctionSpec) -> None:
        driver = self._driver
        await driver.starter.ready_image(function)
        if not function.scaling.min_containers:
            return
        pool = driver.calling.pool(CallTarget(app.name, function.key))
        wanted = function.scaling.min_containers
        while True:
            self._changed.clear()
            if sum(unit.ready for unit in driver.units.values() if unit.pool is pool) >= wanted:
                return
            if self._failed[pool.id] >= _TRIES:
                raise ContainerStartError(
                    f"{function.name}: no container comes up, after {_TRIES} tries: {self._why[pool.id]}"
                )
            await self._changed.wait()
