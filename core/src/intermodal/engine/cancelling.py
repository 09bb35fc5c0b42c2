"""Cancelling: terminal for the caller at once, then the containers are told (conc.cancel)."""

from __future__ import annotations

from typing import Any

from intermodal.engine.attempts import abandon, recycle, unqueue
from intermodal.engine.commands import Failure
from intermodal.engine.core import Core
from intermodal.engine.events import CallCancelled, ClientLeft, InputsCancelled
from intermodal.engine.model import ENDED, QUEUED, Call, Input
from intermodal.engine.recording import finish, record, refuse
from intermodal.specs.status import CANCELLED, ERROR

__all__ = ["call_cancelled", "cancel_call", "cancel_orphans", "client_left", "fail_waiting", "inputs_cancelled"]


def call_cancelled(core: Core, event: CallCancelled) -> None:
    """`FunctionCall.cancel()`, a closed generator, Ctrl-C."""
    call = core.calls.get(event.call)
    if call is None:
        return
    holders = {core.holder(item) for item in call.live.values() if item.attempt > 0}
    cancel_call(core, call, "the call was cancelled")
    if event.terminate_containers:
        for container in holders:
            recycle(core, container, "a call that ran here was cancelled together with its containers")


def inputs_cancelled(core: Core, event: InputsCancelled) -> None:
    """Some inputs of a call are not wanted any more."""
    call = core.calls.get(event.call)
    if call is None:
        return
    why = "the input was cancelled"
    for index in event.indices:
        item = call.live.get(index)
        if item is not None:
            _cancel_input(core, item, why)
        elif call.first <= index < call.total:
            call.cancelled = call.cancelled if call.cancelled is not None else set()
            if index not in call.cancelled:
                call.cancelled.add(index)
                _uncount(call, 1)
                record(core, call, index, CANCELLED, Failure("InputCancelledError", why))
    core.look_at(call.pool)


def client_left(core: Core, event: ClientLeft) -> None:
    """Its calls are cancelled, but for detached ones; what they gave is dropped."""
    for call in list(core.clients.pop(event.client, {}).values()):
        if not call.detached:
            call.muted = True
            cancel_call(core, call, "the client has gone")


def cancel_orphans(core: Core) -> None:
    """Nested calls whose input has ended and that nobody else can ask for."""
    while core.orphans:
        call = core.orphans.pop()
        if call.id in core.calls:
            cancel_call(core, call, "the input that made this call has ended")


def cancel_call(core: Core, call: Call, why: str) -> None:
    """Every input without a result is cancelled, and no more are taken."""
    call.closed = True
    failure = Failure("InputCancelledError", why)
    _drop_fresh(core, call, CANCELLED, failure)
    for item in list(call.live.values()):
        _cancel_input(core, item, why)
    core.touch(call)
    core.look_at(call.pool)


def fail_waiting(core: Core, call: Call, payload: Any, status: int = ERROR) -> None:
    """Inputs of the call that no container has end with this error."""
    _drop_fresh(core, call, status, payload)
    for item in [item for item in call.live.values() if item.attempt <= QUEUED]:
        if item.attempt == QUEUED:
            unqueue(core, item)
        finish(core, item, status, payload)


def _cancel_input(core: Core, item: Input, why: str) -> None:
    if item.attempt == ENDED:
        return
    if item.attempt == QUEUED:
        unqueue(core, item)
    elif item.attempt > 0:
        abandon(core, core.holder(item), item, why)
    finish(core, item, CANCELLED, Failure("InputCancelledError", why))


def _drop_fresh(core: Core, call: Call, status: int, payload: Any) -> None:
    gone = call.cancelled or ()
    indices = [index for index in range(call.first, call.total) if index not in gone]
    call.fresh.clear()
    call.first = call.total
    call.cancelled = None
    _uncount(call, len(indices))
    refuse(core, call, indices, status, payload)


def _uncount(call: Call, count: int) -> None:
    if call.policy.batching is not None:
        call.pool.batchers[call.method].fresh -= count
    else:
        call.pool.queue.size -= count
