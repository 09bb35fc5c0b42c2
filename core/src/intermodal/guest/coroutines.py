"""Running async user code for one piece of work, and turning what happens into results."""

from __future__ import annotations

import asyncio
from typing import Any

from intermodal.guest.batching import gather
from intermodal.guest.execution import arguments, deal, fail, outcome, unpacked
from intermodal.guest.results import NOTHING, dumps_result
from intermodal.guest.session import Session
from intermodal.guest.work import Batch, Input, Work
from intermodal.specs.status import CANCELLED, GENERATOR_END, ITEM, OK
from intermodal.wire.payload import Payload

__all__ = ["Coroutines"]


class Coroutines:
    """All of it runs on the container's loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._credit = asyncio.Event()

    def wake(self) -> None:
        """Credit or a cancellation may have come."""
        self._credit.set()

    async def run(self, work: Work) -> None:
        """Run `work` in this task and hand in its results. Raises nothing of the user's, not even SystemExit."""
        self._session.running.enter(work.inputs[0] if isinstance(work, Batch) else work)
        if isinstance(work, Batch):
            await self._batch(work)
        elif (web := work[1].method.web) is not None:
            await web.serve(self._session, work, self._await_credit)
        elif work[1].method.is_generator:
            await self._generator(work)
        else:
            await self._plain(work)

    def _outcome(self, attempt: int, error: BaseException) -> tuple[int, Payload]:
        if isinstance(error, asyncio.CancelledError) and attempt in self._session.cancelled:
            return CANCELLED, NOTHING
        return outcome(self._session, attempt, error)

    async def _plain(self, work: Input) -> None:
        session = self._session
        attempt, call, _, _, payload = work
        status = OK
        try:
            if attempt in session.cancelled:
                raise asyncio.CancelledError
            args, kwargs = arguments(payload)
            value = await call.method.function(*args, **kwargs)
            result = dumps_result(value, call.method.label, session.channel.arena, payload)
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            status, result = self._outcome(attempt, error)
        session.finish(attempt, status, result, True)

    async def _generator(self, work: Input) -> None:
        session = self._session
        attempt, call, _, _, payload = work
        iterator: Any = None
        sent = 0
        status: int = GENERATOR_END
        result: Payload = NOTHING
        try:
            args, kwargs = arguments(payload)
            iterator = call.method.function(*args, **kwargs).__aiter__()
            while True:
                await self._await_credit(attempt, sent)
                if attempt in session.cancelled:
                    raise asyncio.CancelledError
                item = await iterator.__anext__()
                made = dumps_result(item, call.method.label, session.channel.arena, payload)
                session.results.add(attempt, ITEM, made, True)
                sent += 1
        except StopAsyncIteration:
            pass
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            status, result = self._outcome(attempt, error)
            await _close(iterator)
        session.granted.pop(attempt, None)
        session.finish(attempt, status, result)

    async def _await_credit(self, attempt: int, sent: int) -> None:
        session = self._session
        while session.granted.get(attempt, 0) <= sent and attempt not in session.cancelled:
            session.results.flush()
            self._credit.clear()
            await self._credit.wait()

    async def _batch(self, batch: Batch) -> None:
        session = self._session
        method = batch.inputs[0][1].method
        good, bound = unpacked(session, batch)
        if good:
            try:
                if session.cancelled.issuperset(good):
                    raise asyncio.CancelledError
                value = await method.function(**gather(bound))
                session.end_lines(batch.inputs[0][0])
                deal(session, batch, good, value)
            except asyncio.CancelledError as error:
                for attempt in good:
                    session.finish(attempt, *self._outcome(attempt, error), True)
            except BaseException as error:  # noqa: BLE001 - user code may raise anything
                fail(session, good, error)


async def _close(iterator: Any) -> None:
    """Let a generator that is left early run its `finally` blocks."""
    close = getattr(iterator, "aclose", None)
    if close is not None:
        try:
            await close()
        except BaseException:  # noqa: BLE001 - user code may raise anything
            pass  # the input's end is decided already
