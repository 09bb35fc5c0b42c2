"""Calls that were accepted and have not ended begin once more: at the next server, or where somebody asks for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from intermodal.client.api import CallTarget
from intermodal.driver.keeping import DetachedCall
from intermodal.exception import Error, NotFoundError
from intermodal.server.calls.rows import Call
from intermodal.server.calls.service import Calls
from intermodal.server.deployed import Running
from intermodal.specs.status import CANCELLED, ERROR

if TYPE_CHECKING:
    from intermodal.server.deployments import Deployments

__all__ = ["Resumption"]

_log = logging.getLogger("intermodal.server")

#: Calls that are read and begun together.
_SOME = 100
#: Seconds until an app that does not start is tried again: the first time, and at most.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0


class Resumption:
    """On the server's loop: gives calls to the live version of their app."""

    def __init__(self, calls: Calls, deployments: Deployments) -> None:
        self._calls = calls
        self._deployments = deployments

    async def open(self) -> None:
        """After the deployments: all calls of the server before."""
        unended = await asyncio.to_thread(self._calls.store.unended)
        for (environment, app), calls in groupby(sorted(unended, key=_app), _app):
            self._deployments.background(self.begin(environment, app, [call.id for call in calls]))

    async def begin(self, environment: str, app: str, calls: Sequence[str]) -> None:
        """Begin calls of an app, in this order. Where it is not live any more they end: cancelled where it was stopped,
        else failed."""
        for start in range(0, len(calls), _SOME):
            some = calls[start : start + _SOME]
            loaded = await asyncio.to_thread(self._load, some)
            running = await self._running(environment, app)
            if running is None:
                await self._end(environment, app, calls[start:])
                return
            await self._give(running, loaded)

    def _load(self, calls: Sequence[str]) -> list[tuple[DetachedCall, list[int]]]:
        return [self._calls.store.to_begin(call) for call in calls]

    async def _running(self, environment: str, app: str) -> Running | None:
        """Its live version, once that starts; None: there is none."""
        pause = _FIRST_PAUSE_S
        while self._deployments.is_live(environment, app):
            try:
                return await self._deployments.running_of(environment, app)
            except Exception as error:  # noqa: BLE001 - whatever keeps it from starting may pass
                if self._deployments.is_live(environment, app):
                    _log.error("calls of app %r wait, since it does not start: %s", app, error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_S)
        return None

    async def _give(self, running: Running, loaded: Sequence[tuple[DetachedCall, list[int]]]) -> None:
        """Without awaiting before the session has them (`Deployments.running_of`)."""
        ready: list[tuple[DetachedCall, CallTarget, Sequence[int]]] = []
        refused: list[tuple[str, Error]] = []
        for call, done in loaded:
            try:
                key = running.package.function(call.function).key
            except NotFoundError as error:
                refused.append((call.id, error))
                continue
            if done:
                self._calls.done[call.id] = frozenset(done)
            ready.append((call, CallTarget(call.app, key, call.method, call.parameters, call.options), done))
        refusals = await running.session.resume(ready)
        refused += [(call.id, why) for (call, _, _), why in zip(ready, refusals, strict=True) if why is not None]
        for id, refusal in refused:
            self._calls.done.pop(id, None)
            await self._calls.finish(id, ERROR, type(refusal).__name__, str(refusal))

    async def _end(self, environment: str, app: str, calls: Sequence[str]) -> None:
        try:
            stopped = bool(await self._deployments.versions(environment, app))
        except NotFoundError:
            stopped = False
        for call in calls:
            if stopped:
                await self._calls.finish(call, CANCELLED, "InputCancelledError", f"app {app!r} was stopped")
            else:
                message = f"no app {app!r} is deployed in environment {environment!r} any more"
                await self._calls.finish(call, ERROR, "NotFoundError", message)


def _app(call: Call) -> tuple[str, str]:
    return call.environment, call.app
