"""Keeps the detached calls of one session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from intermodal.driver.keeping import DetachedCall, Output, Verdict
from intermodal.exception import InvalidError
from intermodal.server.calls.limits import LARGEST, check_inputs, within
from intermodal.server.calls.request import digest_of, packed
from intermodal.server.calls.rows import Fresh, Recorded
from intermodal.specs.status import CANCELLED, ERROR
from intermodal.wire.payload import flat

if TYPE_CHECKING:
    from intermodal.server.calls.service import Calls

__all__ = ["SessionKeeper"]


class SessionKeeper:
    """Implements `driver.keeping.CallKeeper` for a session in `environment`.

    Args:
        largest: bytes of all inputs of a call, and of one output, at most.
    """

    def __init__(self, calls: Calls, environment: str, largest: int = LARGEST) -> None:
        self._largest = largest
        self._calls = calls
        self._environment = environment
        self._loop: asyncio.AbstractEventLoop | None = None

    def accept(self, call: DetachedCall, then: Callable[[Verdict], None]) -> None:
        """See `CallKeeper`."""
        self._loop = asyncio.get_running_loop()
        try:
            check_inputs(call.parameters, call.inputs, self._largest)
        except InvalidError as refusal:
            then(refusal)
            return
        request = packed(call.parameters, flat(call.inputs))
        fresh = Fresh(
            id=call.id,
            environment=self._environment,
            app=call.app,
            function=call.function,
            method=call.method,
            options=call.options,
            parent=call.parent,
            inputs=len(call.inputs),
            request=request,
            digest=digest_of(call.app, call.function, call.method, call.options, request),
            created=time.time(),
        )
        self._calls.writer.accept(fresh, self._decided, then)

    def _decided(self, verdicts: Sequence[tuple[Callable[[Verdict], None], Verdict]]) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the session has ended: what is kept begins in another
            self._loop.call_soon_threadsafe(_tell, verdicts)

    def record(self, call: str, indices: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
        """See `CallKeeper`. Where the server is ending, what its end has cut off is not recorded: it runs again."""
        done = self._calls.done.get(call, ())
        if done or self._calls.leaving:
            cut_off = (ERROR, CANCELLED) if self._calls.leaving else ()
            kept = [
                at
                for at, (index, status) in enumerate(zip(indices, statuses, strict=True))
                if index not in done and status not in cut_off
            ]
            indices, statuses, payloads = ([column[at] for at in kept] for column in (indices, statuses, payloads))
        if indices:
            statuses, payloads = within(statuses, payloads, self._largest)
            recorded = Recorded(call, tuple(indices), tuple(statuses), flat(payloads), time.time())
            self._calls.writer.record(recorded)

    def end(self, call: str) -> None:
        """See `CallKeeper`."""
        self._calls.done.pop(call, None)
        self._calls.writer.end(call)

    async def output(self, call: str, index: int, timeout: float | None) -> Output:
        """See `CallKeeper`."""
        return await self._calls.output(call, index, timeout)

    async def cancel(self, call: str) -> None:
        """See `CallKeeper`."""
        await self._calls.cancel(call)

    async def graph(self, call: str) -> list[dict[str, Any]]:
        """See `CallKeeper`."""
        return await self._calls.graph(call)


def _tell(verdicts: Sequence[tuple[Callable[[Verdict], None], Verdict]]) -> None:
    for then, verdict in verdicts:
        then(verdict)
