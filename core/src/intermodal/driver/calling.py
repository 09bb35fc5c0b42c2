"""The calls of a session: taken on, delivered, ended, and what observers hear of that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from intermodal.client.api import CallTarget
from intermodal.driver import needs
from intermodal.driver.calls import CallBook, CallRecord, Sink
from intermodal.driver.failures import failure_of_inputs
from intermodal.driver.observing import Observing
from intermodal.driver.pools import Pool, PoolBook, pool_spec
from intermodal.driver.unit import failure_of
from intermodal.driver.web import check_requests
from intermodal.engine import commands, events
from intermodal.engine.events import PoolSpec
from intermodal.exception import CapabilityNotSupported, RemoteError
from intermodal.plugins.observations import CallFinished, CallProgress, CallStarted, Notice
from intermodal.specs import FunctionSpec
from intermodal.specs.status import ERROR
from intermodal.wire.payload import failed

__all__ = ["Calling"]


class Calling:
    """On the driver's loop.

    Args:
        post: tells the engine.
        require: refuses a capability that the backend lacks.
        grace_s: seconds that running inputs and exit methods get when a container is stopped.
        tracer: the trace inside of a call, by its id and the trace that it is made in.
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
    ) -> None:
        self.refusal: RemoteError | None = None  #: why no call is taken on any more
        self._calls, self._pools = calls, pools
        self._observing = observing
        self._post = post
        self._require = require
        self._grace_s = grace_s
        self._tracer = tracer
        self._changed: set[CallRecord] = set()

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
    ) -> None:
        """Accept a call, made in `trace`. Raises `NotFoundError`, `InvalidError`; `RemoteError` where the engine has
        failed."""
        if self.refusal is not None:
            raise self.refusal
        pool = self.pool(target)
        function = pool.function
        if target.method in pool.web:
            check_requests(function.name, inputs)
        inside = self._tracer(call, trace) if self._tracer is not None else trace
        record = CallRecord(call, function.app, function.name, parent_call, sink, on_end, detached, inside)
        record.submitted, record.closed = len(inputs), closed
        self._calls.add(record)
        self._post(
            events.CallSubmitted(
                call,
                pool.id,
                client,
                inputs,
                closed,
                method=target.method,
                parent=parent,
                credit=credit,
                detached=detached,
            )
        )
        if self._observing.wants("call_started"):
            started = CallStarted(
                call=call,
                app=function.app,
                function=function.name,
                at=time.time(),
                parent=parent_call,
                trace=trace,
                inside=inside,
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


def _progress_of(record: CallRecord) -> CallProgress:
    return CallProgress(
        call=record.id,
        app=record.app,
        function=record.function,
        done=record.succeeded + record.failed + record.cancelled,
        failed=record.failed,
        total=record.submitted if record.closed else None,
    )
