"""Calls come in, and more inputs for them."""

from __future__ import annotations

from typing import Any

from intermodal.engine.cancelling import fail_waiting
from intermodal.engine.commands import Failure, GrantCredit
from intermodal.engine.core import Core
from intermodal.engine.dispatch import dispatch_at_once
from intermodal.engine.events import CallSubmitted, CreditGranted, InputsAdded, MethodPolicy, PoolSpec
from intermodal.engine.model import Call, Container, Pool
from intermodal.engine.queueing import Queue
from intermodal.engine.recording import accept, refuse
from intermodal.specs.status import CANCELLED, ERROR

__all__ = ["call_submitted", "credit_granted", "inputs_added", "refuse_pool"]

_KEPT_KEYS = 10_000


def call_submitted(core: Core, event: CallSubmitted) -> None:
    """A new call; or the same one once more, which changes nothing (fault 6)."""
    if event.call in core.calls or (event.key is not None and event.key in core.keys):
        return
    pool = core.pools.get(event.pool)
    policy = pool.spec.methods.get(event.method, MethodPolicy()) if pool else MethodPolicy()
    call = Call(event.call, pool or Pool(event.pool, PoolSpec(app=""), Queue(), {}), event.client, event.method, policy)
    call.number = core.submitted = core.submitted + 1
    call.key = event.key
    call.credit = event.credit
    call.detached = event.detached
    core.calls[call.id] = call
    core.clients.setdefault(call.client, {})[call.id] = call
    if event.key is not None:
        _remember(core, event.key, call.id)
    orphan = not _adopt(core, call, event.parent)
    call.closed = event.closed or orphan
    accept(core, call, len(event.inputs))
    if refusal := _refusal(core, call, orphan):
        _refuse(core, call, event.inputs, *refusal)
    else:
        _queue(core, call, event.inputs)


def inputs_added(core: Core, event: InputsAdded) -> None:
    """More inputs for an open call. What comes after its end is dropped: the call was cancelled."""
    call = core.calls.get(event.call)
    if call is None or call.closed:
        return
    inputs = event.inputs
    if event.first is not None and event.first != call.total:
        if event.first > call.total:
            return  # a part before this one is missing: it comes again, and this one after it
        inputs = inputs[call.total - event.first :]
    call.closed = event.closed
    accept(core, call, len(inputs))
    if refusal := _refusal(core, call, False):
        _refuse(core, call, inputs, *refusal)
    else:
        _queue(core, call, inputs)


def credit_granted(core: Core, event: CreditGranted) -> None:
    """Backpressure of a stream: pass it on to the running producer, or keep it for when it runs (gen.stream)."""
    call = core.calls.get(event.call)
    if call is None:
        return
    call.credit = (call.credit or 0) + event.items
    for item in call.live.values():
        if item.attempt > 0:
            core.emit(GrantCredit(core.holder(item).id, item.attempt, event.items))


def _remember(core: Core, key: str, call: str) -> None:
    core.keys[key] = call
    if len(core.keys) > _KEPT_KEYS:
        for old, owner in core.keys.items():
            if owner not in core.calls:
                del core.keys[old]
                return


def _adopt(core: Core, call: Call, parent: int | None) -> bool:
    """Tie a nested call to the input that makes it. False where that input has ended and nobody can want the result."""
    if call.client.startswith("container:"):
        call.host = core.containers.get(call.client.removeprefix("container:"))
    if parent is None:
        return True
    found: tuple[Container, Any] | None = core.running(parent)
    if found is None:
        return call.detached
    call.parent = found[1]
    call.depth = call.parent.owner.depth + 1
    call.parent.more().children.append(call)
    return True


def _refusal(core: Core, call: Call, orphan: bool) -> tuple[int, Any] | None:
    pool = core.pools.get(call.pool.id)
    if orphan:
        return CANCELLED, Failure("InputCancelledError", "the input that made this call has ended")
    if pool is None:
        return ERROR, Failure(
            "NotFoundError", f"call {call.id} is for pool {call.pool.id!r}, which this engine does not have"
        )
    if pool.stopping:
        return CANCELLED, Failure("InputCancelledError", f"app {pool.spec.app!r} is stopping and takes no more inputs")
    if pool.error is not None:
        return ERROR, pool.error
    if reason := core.ledger.never(pool.spec.resources):
        return ERROR, Failure("ResourceExhaustedError", f"this function can never start here: {reason}")
    return None


def _refuse(core: Core, call: Call, inputs: list[Any], status: int, payload: Any) -> None:
    call.first = call.total
    refuse(core, call, range(call.total - len(inputs), call.total), status, payload)


def _queue(core: Core, call: Call, inputs: list[Any]) -> None:
    if not inputs or (len(inputs) == 1 and dispatch_at_once(core, call, inputs[0])):
        return
    call.fresh.extend(inputs)
    pool = call.pool
    if call.policy.batching is not None:
        pool.batchers[call.method].add(call, len(inputs), core.now)
    else:
        pool.queue.add(call, len(inputs))
    core.dirty.setdefault(pool, False)


def refuse_pool(core: Core, pool: Pool, payload: Any) -> None:
    """Every waiting input of the pool ends with this error."""
    for call in [call for call in core.calls.values() if call.pool is pool]:
        fail_waiting(core, call, payload)
