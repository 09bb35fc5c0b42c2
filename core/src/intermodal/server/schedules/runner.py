"""Lets deployed functions run by themselves, each slot once (deploy.schedule)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from intermodal.client.api import CallTarget
from intermodal.exception import Error, NotFoundError
from intermodal.server.deployments import Changed, Deployments
from intermodal.server.schedules.slots import Slots, slots
from intermodal.server.schedules.table import Key, Run, RunState, Schedule, ScheduleTable
from intermodal.server.schedules.turns import turn
from intermodal.server.schedules.waiting import Waiting
from intermodal.server.trouble import UNAVAILABLE
from intermodal.specs.status import CANCELLED, ERROR
from intermodal.wire.payload import FAILURE, failure

__all__ = ["Schedules"]

_log = logging.getLogger("intermodal.server")

#: Seconds until the clock is looked at again: it may have been set meanwhile.
_LOOK_S = 30.0
#: Seconds between tries to write down what the database did not take.
_RETRY_S = 2.0
#: Servers that may begin one run; each of them was ended, or killed, while it went on.
_TRIES = 3


class Schedules:
    """On the server's loop. A slot is claimed in the database before its call is made, so none runs twice; a run that
    had not ended when the server did is made again under its call's id."""

    def __init__(self, table: ScheduleTable, deployments: Deployments, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._deployments = deployments
        self._clock = clock
        self._known: dict[Key, tuple[Schedule, Slots]] = {}
        self._gate = asyncio.Lock()  # guards what is known, as it is in the table
        self._changed = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._waiting = Waiting()

    async def open(self) -> None:
        """After the deployments."""
        self._deployments.listen(self._hear)
        live = {(version.environment, version.app) for version in self._deployments.live()}
        stored = {(each.key.environment, each.key.app) for each in await asyncio.to_thread(self._table.all)}
        for environment, app in live | stored:
            await self._take_over(environment, app)
        for run in await asyncio.to_thread(self._table.unended):
            self._background(self._carry_out(run))
        self._background(self._turns())

    async def close(self) -> None:
        """Before the deployments: what goes on is made again by the next server."""
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    # ---- what clients ask -------------------------------------------------------------------------------------------

    def all(self, environment: str) -> list[tuple[Schedule, float | None]]:
        """Those of an environment, and when each comes next."""
        found = sorted(self._known.items(), key=lambda item: (item[0].app, item[0].function))
        return [
            (schedule, None if schedule.paused else times.after(max(schedule.seen, self._clock())))
            for key, (schedule, times) in found
            if key.environment == environment
        ]

    async def runs(self, key: Key) -> list[Run]:
        """The newest first; none of what has no schedule."""
        return await asyncio.to_thread(self._table.runs, key)

    def check(self, key: Key) -> None:
        """Raises `NotFoundError`, which lists what there is: it has no schedule."""
        self._of(key)

    async def run_now(self, key: Key) -> str:
        """Run besides the slots; the id of the call. Raises `NotFoundError`."""
        self._of(key)
        now = self._clock()
        run = await asyncio.to_thread(partial(self._table.claim, key, now, now, manual=True))
        if run is None:  # a slot of this very moment
            return await self.run_now(key)
        self._background(self._carry_out(run))
        return run.call

    async def pause(self, key: Key) -> None:
        """No slot runs until it is resumed. Raises `NotFoundError`."""
        await self._change(key, partial(self._table.pause, key), paused=True)

    async def resume(self, key: Key) -> None:
        """Slots run again, from the next one on. Raises `NotFoundError`."""
        now = self._clock()
        await self._change(key, partial(self._table.resume, key, now), paused=False, seen=now)

    async def _change(self, key: Key, stored: Callable[[], None], **values: Any) -> None:
        self._of(key)
        async with self._gate:
            await asyncio.to_thread(stored)
            schedule, times = self._of(key)
            self._known[key] = replace(schedule, **values), times
        self._changed.set()

    def _of(self, key: Key) -> tuple[Schedule, Slots]:
        if key not in self._known:
            known = sorted(f"{each.app} {each.function}" for each in self._known if each.environment == key.environment)
            raise NotFoundError(
                f"no function {key.function!r} of a live app {key.app!r} has a schedule in environment "
                f"{key.environment!r} (there are: {', '.join(known) or 'none'})"
            )
        return self._known[key]

    # ---- versions come and go ---------------------------------------------------------------------------------------

    def _hear(self, changed: Changed) -> None:
        self._background(self._lasting(partial(self._take_over, changed.environment, changed.app)))

    async def _take_over(self, environment: str, app: str) -> None:
        """The schedules of an app's live version; none where there is no such version."""
        async with self._gate:
            try:
                package = await self._deployments.package_of(environment, app)
                functions = package.app.functions
            except NotFoundError:
                functions = ()
            except Error as error:
                _log.error("the schedules of app %r rest: %s", app, error)
                return
            specs = {each.name: each.schedule for each in functions if each.schedule is not None}
            await asyncio.to_thread(self._table.replace, environment, app, specs, self._clock())
            rows = await asyncio.to_thread(self._table.all)
            for key in [key for key in self._known if (key.environment, key.app) == (environment, app)]:
                del self._known[key]
            for row in rows:
                if (row.key.environment, row.key.app) == (environment, app):
                    self._known[row.key] = row, slots(row.spec, row.since)
        self._changed.set()

    # ---- time goes on -----------------------------------------------------------------------------------------------

    async def _turns(self) -> None:
        while True:
            self._changed.clear()
            try:
                async with self._gate:
                    for key in list(self._known):
                        await self._turn(key)
            except UNAVAILABLE as error:
                self._waiting.failed(error)
            try:
                await asyncio.wait_for(self._changed.wait(), self._pause_s())
            except TimeoutError:
                pass

    def _pause_s(self) -> float:
        """Seconds until the next slot, or until the clock is to be looked at."""
        now = self._clock()
        following = (times.after(schedule.seen) for schedule, times in self._known.values() if not schedule.paused)
        return min([_LOOK_S, *(max(slot - now, 0.05) for slot in following if slot is not None)])

    async def _turn(self, key: Key) -> None:
        schedule, times = self._known[key]
        now = self._clock()
        slot, seen = turn(times, schedule.seen, now)
        if schedule.paused or seen == schedule.seen:
            return
        if slot is None:
            await asyncio.to_thread(self._table.see, key, seen)
        else:
            run = await asyncio.to_thread(self._table.claim, key, slot, now)
            if run is not None:
                self._background(self._carry_out(run))
        self._waiting.worked()
        self._known[key] = replace(schedule, seen=seen), times

    # ---- runs -------------------------------------------------------------------------------------------------------

    async def _carry_out(self, run: Run) -> None:
        if run.tries >= _TRIES:
            state: RunState = "failed"
            error = f"the server ended {run.tries} times while it went on"
        else:
            await self._written(partial(self._table.tried, run))
            try:
                state, error = await self._call(run)
            except Exception as problem:  # noqa: BLE001 - whatever it is, the run has ended
                state, error = "failed", f"{type(problem).__name__}: {problem}"
        await self._written(partial(self._table.end, run, state, self._clock(), error))

    async def _call(self, run: Run) -> tuple[RunState, str]:
        """Call the function, and wait for its end."""
        key = run.key
        running = await self._deployments.running_of(key.environment, key.app)
        client = running.session.client
        target = CallTarget(key.app, running.package.function(key.function).key)
        call = client.submit(target, (client.dumps(((), {})),), closed=True, detached=True, call_id=run.call)
        self._deployments.begun(run.call, running.session)
        await call.accepted.wait_async()
        call.accepted.result()
        output = client.request("call.output", {"call": run.call, "index": 0, "timeout": None})
        await output.wait_async()
        reply = output.result()
        return _state(reply.value.get("status"), reply.segments)

    async def _written(self, write: Callable[[], None]) -> None:
        await self._lasting(partial(asyncio.to_thread, write))

    async def _lasting(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Done, as soon as the database lets it."""
        while True:
            try:
                await work()
            except UNAVAILABLE as error:
                self._waiting.failed(error)
                await asyncio.sleep(_RETRY_S)
            else:
                return self._waiting.worked()

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a schedule's work failed: it is tried again when the server starts", exc_info=error)


def _state(status: Any, segments: Any) -> tuple[RunState, str]:
    """What an output means. What the user's code raised is opaque here: it is in the call's logs."""
    if status == CANCELLED:
        return "cancelled", ""
    if status != ERROR:
        return "succeeded", ""
    payload = segments[0] if segments else b""
    if isinstance(payload, bytes) and payload[:1] == bytes((FAILURE,)):
        return "failed", str(failure(payload))
    return "failed", "it raised an exception: see the call"
