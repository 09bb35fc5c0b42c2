"""The calls of a session: taken on, delivered, ended, and what observers hear of that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from intermodal.client.api import CallTarget
from intermodal.driver import needs
from intermodal.driver.calls import CallBook, CallRecord, Sink
from intermodal.driver.failures import failure_of_inputs
from intermodal.driver.keeping import CallKeeper, DetachedCall, Kept, Verdict
from intermodal.driver.observing import Observing
from intermodal.driver.pools import Pool, PoolBook, pool_spec
from intermodal.driver.unit import failure_of
from intermodal.driver.web import check_requests
from intermodal.engine import commands, events
from intermodal.engine.events import PoolSpec
from intermodal.exception import CapabilityNotSupported, Error, InvalidError, RemoteError
from intermodal.plugins.observations import CallFinished, CallProgress, CallStarted, Notice
from intermodal.specs import FunctionSpec
from intermodal.specs.status import CANCELLED, ERROR
from intermodal.wire.payload import failed

__all__ = ["DETACHED", "Calling"]

#: What the engine has for a client where a call has none any more.
DETACHED = "detached"


class Calling:
    """On the driver's loop.

    Args:
        post: tells the engine.
        require: refuses a capability that the backend lacks.
        grace_s: seconds that running inputs and exit methods get when a container is stopped.
        tracer: the trace inside of a call, by its id and the trace that it is made in.
        keeper: keeps detached calls.
    """

    def __init__(
        self,
        calls: CallBook,
        pools: PoolBook,
        observing: Observing,
        post: Callable[[events.Event], None],
        require: Callable[[str], None],
        grace_s: float,
        tracer: Callable[[str, str], str] | None,
        keeper: CallKeeper | None = None,
    ) -> None:
        self.refusal: RemoteError | None = None  #: why no call is taken on any more
        self._calls, self._pools = calls, pools
        self._observing = observing
        self._post = post
        self._require = require
        self._grace_s = grace_s
        self._tracer = tracer
        self._keeper = keeper
        self._changed: set[CallRecord] = set()
        self.deciding = 0  #: calls that are about to be kept
        self._decided = asyncio.Event()

    def submit(
        self,
        call: str,
        target: CallTarget,
        client: str,
        inputs: list[Any],
        *,
        closed: bool,
        sink: Sink | None,
        on_end: Callable[[], None] | None,
        credit: int | None = None,
        detached: bool = False,
        parent: int | None = None,
        parent_call: str | None = None,
        trace: str = "",
        accepted: Callable[[Exception | None], None] | None = None,
    ) -> None:
        """Accept a call, made in `trace`. `accepted` is told once it is, or why it is not after all (None: it is).

        Raises `NotFoundError`, `InvalidError`; `RemoteError` where the engine has failed.
        """
        if self.refusal is not None:
            raise self.refusal
        pool = self.pool(target)
        function = pool.function
        if target.method in pool.web:
            check_requests(function.name, inputs)
        submitted = events.CallSubmitted(
            call, pool.id, client, inputs, closed, method=target.method, parent=parent, credit=credit, detached=detached
        )
        tell = accepted or _nobody
        if detached and self._keeper is not None:
            if not closed:
                raise InvalidError("a detached call has all its inputs from the beginning")
            self._keep(target, function, submitted, parent_call, on_end, trace, tell)
            return
        record = CallRecord(call, function.app, function.name, parent_call, sink, on_end, detached)
        self._begin(record, submitted, trace)
        tell(None)

    async def resume_all(self, calls: Sequence[tuple[DetachedCall, CallTarget, Sequence[int]]]) -> list[Error | None]:
        """Begin calls that are kept; what each was refused with."""
        return [self._refused(*each) for each in calls]

    def _refused(self, kept: DetachedCall, target: CallTarget, done: Sequence[int]) -> Error | None:
        try:
            self.resume(kept, target, done)
        except Error as error:
            return error
        return None

    def resume(self, kept: DetachedCall, target: CallTarget, done: Sequence[int]) -> None:
        """Begin a call that is kept, where inputs `done` have their outputs. Raises as `submit`."""
        if self.refusal is not None:
            raise self.refusal
        known = self._calls.get(kept.id)
        if known is not None and not known.ended:
            return
        pool = self.pool(target)
        inputs = list(kept.inputs)
        submitted = events.CallSubmitted(
            kept.id, pool.id, DETACHED, inputs, True, method=target.method, parent=None, credit=None, detached=True
        )
        record = CallRecord(kept.id, kept.app, kept.function, None, None, None, True, keeper=self._keeper)
        self._begin(record, submitted)
        if done:
            self._post(events.InputsCancelled(kept.id, list(done)))

    def _keep(
        self,
        target: CallTarget,
        function: FunctionSpec,
        submitted: events.CallSubmitted,
        parent_call: str | None,
        on_end: Callable[[], None] | None,
        trace: str,
        tell: Callable[[Exception | None], None],
    ) -> None:
        """The engine hears of it when it is kept."""
        assert self._keeper is not None
        self.deciding += 1

        def decided(verdict: Verdict) -> None:
            self.deciding -= 1
            if isinstance(verdict, Kept):
                if verdict.new:
                    of = submitted.call, function.app, function.name, parent_call
                    self._begin(CallRecord(*of, None, on_end, True, keeper=self._keeper), submitted, trace)
                tell(None)
            else:
                tell(verdict)
            if not self.deciding:
                self._decided.set()

        self._keeper.accept(
            DetachedCall(
                id=submitted.call,
                app=function.app,
                function=function.name,
                method=target.method,
                parameters=target.parameters,
                options=target.options,
                inputs=submitted.inputs,
                parent=parent_call,
            ),
            decided,
        )

    async def all_ended(self) -> None:
        """Wait until no call is under way."""
        while self.deciding:
            self._decided.clear()
            await self._decided.wait()
        await self._calls.all_ended()

    def _begin(self, record: CallRecord, submitted: events.CallSubmitted, trace: str = "") -> None:
        record.trace = self._tracer(record.id, trace) if self._tracer is not None else trace
        record.submitted, record.closed = len(submitted.inputs), submitted.closed
        self._calls.add(record)
        self._post(submitted)
        if self._observing.wants("call_started"):
            started = CallStarted(
                call=record.id,
                app=record.app,
                function=record.function,
                at=time.time(),
                parent=record.parent,
                trace=trace,
                inside=record.trace,
            )
            self._observing.add("call_started", started)

    def add(self, call: str, inputs: list[Any], closed: bool) -> None:
        """More inputs of a call."""
        record = self._calls.get(call)
        if record is not None and not record.closed:
            record.submitted += len(inputs)
            record.closed = closed
            self._post(events.InputsAdded(call, inputs, closed))

    def pool(self, target: CallTarget) -> Pool:
        """The pool of a target, made at its first use."""
        pool, new = self._pools.resolve(target)
        if new:
            if self._pools.crowded():
                self._post(events.UnusedPoolsForgotten())
            self._post(events.PoolAdded(pool.id, self._spec(pool.function)))
            try:
                needs.check_function(pool.function, self._require)
            except CapabilityNotSupported as refusal:
                self._post(events.PoolFailed(pool.id, failure_of(refusal, pool.function.name)))
        return pool

    def _spec(self, function: FunctionSpec) -> PoolSpec:
        spec = pool_spec(function, self._grace_s)
        scaling = spec.scaling
        if scaling.max_containers == 1 or not needs.shares_port(function, self._require):
            return spec
        text = "all containers share one network here, and its server one port: so it has one container at most"
        notice = Notice(level="warning", message=text, at=time.time(), app=function.app, function=function.name)
        self._observing.add("notice", notice)
        alone = replace(scaling, max_containers=1, min_containers=min(scaling.min_containers, 1), buffer_containers=0)
        return replace(spec, scaling=alone)

    def deliver(self, command: commands.Deliver) -> None:
        """Outputs, to whoever made the call; a failure of ours names the function."""
        payloads, statuses = command.payloads, command.statuses
        if any(statuses):
            record = self._calls.get(command.call)
            where = f"{record.function}: " if record is not None else ""
            for i, payload in enumerate(payloads):
                if type(payload) is commands.Failure:
                    payloads[i] = failed(payload.error, where + payload.message)
                    if statuses[i] != CANCELLED:
                        statuses[i] = ERROR
        self._calls.deliver(command.call, command.indices, statuses, payloads)
        if self._observing.wants("call_progress"):
            record = self._calls.get(command.call)
            if record is not None:
                self._changed.add(record)

    def failed(self, command: commands.InputsFailed) -> None:
        """Inputs ended as failed: observers hear what was raised."""
        if self._observing.wants("input_failed"):
            record = self._calls.get(command.call)
            if record is not None:
                self._observing.add("input_failed", failure_of_inputs(record, command))

    def ended(self, command: commands.CallEnded) -> None:
        """A call has all its outputs."""
        record = self._calls.end(command.call)
        if record is not None and record in self._changed:  # observers hear of its progress before its end, never after
            self._changed.discard(record)
            self._observing.add("call_progress", _progress_of(record))
        if record is not None and self._observing.wants("call_finished"):
            self._observing.add(
                "call_finished",
                CallFinished(
                    call=record.id,
                    app=record.app,
                    function=record.function,
                    at=time.time(),
                    succeeded=record.succeeded,
                    failed=record.failed,
                    cancelled=record.cancelled,
                ),
            )

    def progress(self) -> list[CallProgress]:
        """What has changed since this was last asked."""
        changed, self._changed = self._changed, set()
        return [_progress_of(record) for record in changed]


def _nobody(refusal: Exception | None) -> None:
    """Nobody waits for the acceptance."""


def _progress_of(record: CallRecord) -> CallProgress:
    return CallProgress(
        call=record.id,
        app=record.app,
        function=record.function,
        done=record.succeeded + record.failed + record.cancelled,
        failed=record.failed,
        total=record.submitted if record.closed else None,
    )
