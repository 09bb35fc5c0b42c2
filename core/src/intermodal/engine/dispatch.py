"""Giving waiting inputs to containers that have room: idle ones first, no more to one than its share."""

from __future__ import annotations

from typing import Any

from intermodal.engine.commands import Dispatch, DispatchedInput, GrantCredit
from intermodal.engine.core import Core
from intermodal.engine.model import QUEUED, Call, Container, Group, Input, Pool

__all__ = ["dispatch", "dispatch_at_once"]

#: Items that a generator may produce whose reader set no limit.
_UNLIMITED = 1 << 31


def dispatch_at_once(core: Core, call: Call, payload: Any) -> bool:
    """Send a new input to an idle container, past the queue, where nothing waits that would go first. True if sent."""
    pool = call.pool
    if not pool.idle or pool.waiting or core.cpu_wanted or pool in core.slot_wanted:
        return False
    if call.policy.batching is not None or call.fresh or not core.alone:
        return False  # cancelled ones may stand before it; and a later event of this turn may end it again
    index = call.first
    call.first += 1
    call.live[index] = item = Input(call, index, payload)
    _send(core, next(reversed(pool.idle.values())), [item])
    return True


def dispatch(core: Core, pool: Pool) -> None:
    """Send what can be sent. Suspected inputs first, then due batches, then plain ones.

    New inputs wait while a parked container of the pool, or one that needs cpu, has to go on (call.nested).
    """
    if core.cpu_wanted or pool in core.slot_wanted:
        return
    _suspects(core, pool)
    for batcher in pool.batchers.values():
        while (due := batcher.due_at()) is not None:
            if due > core.now:
                core.timers.wake(pool, due)
                break
            container = _next(pool)
            if container is None:
                break
            batch = batcher.take()
            if batch:
                _send(core, container, batch, batch=True)
    queue = pool.queue
    if pool.solo_size and (pool.single or not _may_grow(pool)):
        return  # some container has to become idle for a suspect
    while queue.size:
        container = _next(pool)
        if container is None:
            return
        load = container.load
        share = -(-(queue.size + pool.busy) // max(1, pool.supply))
        taken = queue.take(max(1, min(pool.capacity, share) - load))
        if taken:
            _send(core, container, taken)


def _suspects(core: Core, pool: Pool) -> None:
    """An input that may have killed its container runs alone, so that no other dies with it (retry.poison)."""
    while pool.solo_size and pool.idle:
        item = pool.solo_queue.popleft()
        if item.attempt != QUEUED:
            continue
        pool.solo_size -= 1
        container = next(reversed(pool.idle.values()))
        container.solo = True
        _send(core, container, [item], batch=item.owner.policy.batching is not None)


def _next(pool: Pool) -> Container | None:
    """The container to give work to: the one most recently idle, or the first of those with room."""
    if pool.idle:
        return next(reversed(pool.idle.values()))
    return next(iter(pool.room.values()), None)


def _may_grow(pool: Pool) -> bool:
    most = pool.spec.scaling.max_containers
    return most is None or pool.live < most


def _send(core: Core, container: Container, items: list[Input], *, batch: bool = False) -> None:
    pool = container.pool
    running = container.running
    now = core.now
    attempt = container.base + container.serial
    if not running:
        container.head = attempt + 1
        core.timers.wake(container, now + pool.spec.timeout_s)
    for item in items:
        attempt += 1
        item.attempt = attempt
        item.tries += 1
        item.started = now
        running[attempt] = item
    container.serial += len(items)
    if batch:
        attempts = [item.attempt for item in items]
        container.groups.update(dict.fromkeys(attempts, Group(attempts)))
        container.batches += 1
    if pool.progress_at is None or not pool.busy:
        pool.progress_at = now
    sent: list[DispatchedInput] = list(items)
    core.emit(Dispatch(container.id, sent, batch))
    if not pool.single:
        for item in items:
            if item.owner.policy.is_generator:
                credit = item.owner.credit
                core.emit(GrantCredit(container.id, item.attempt, _UNLIMITED if credit is None else credit))
    if pool.spec.single_use:
        container.draining = True
    core.loaded(container)
    if container.id in pool.room:  # the next one gets its turn
        pool.room[container.id] = pool.room.pop(container.id)
