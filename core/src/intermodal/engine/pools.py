"""Pools come, change and go; the backend's totals; the end of a session."""

from __future__ import annotations

import dataclasses

from intermodal.engine.batching import Batcher
from intermodal.engine.calls import refuse_pool
from intermodal.engine.cancelling import fail_waiting
from intermodal.engine.commands import Failure, PoolForgotten
from intermodal.engine.core import Core
from intermodal.engine.events import (
    AutoscalerUpdated,
    CapacityKnown,
    ContainerTried,
    PoolAdded,
    PoolFailed,
    StopRequested,
    UnusedPoolsForgotten,
)
from intermodal.engine.lifecycle import stop
from intermodal.engine.model import Pool
from intermodal.engine.queueing import Queue
from intermodal.specs.status import CANCELLED

__all__ = [
    "autoscaler_updated",
    "capacity_known",
    "container_tried",
    "forget_unused",
    "pool_added",
    "pool_failed",
    "stop_requested",
    "unused_pools_forgotten",
]


def capacity_known(core: Core, event: CapacityKnown) -> None:
    """What there is in all. Waiting inputs that can never run now get to know."""
    core.ledger.totals = event.totals
    for pool in core.pools.values():
        core.look_at(pool)
        if reason := core.ledger.never(pool.spec.resources):
            refuse_pool(core, pool, Failure("ResourceExhaustedError", f"this function can never start here: {reason}"))


def pool_added(core: Core, event: PoolAdded) -> None:
    """A new pool; one that is there already stays as it is, unless it was stopped."""
    old = core.pools.get(event.pool)
    if old is not None and not old.stopping:
        return
    methods = event.spec.methods
    batchers = {name: Batcher(policy.batching) for name, policy in methods.items() if policy.batching is not None}
    pool = core.pools[event.pool] = Pool(event.pool, event.spec, Queue(), batchers)
    core.look_at(pool)


def pool_failed(core: Core, event: PoolFailed) -> None:
    """It can never start a container."""
    pool = core.pools.get(event.pool)
    if pool is None:
        return
    pool.error = event.error
    refuse_pool(core, pool, event.error)
    core.look_at(pool)


def container_tried(core: Core, event: ContainerTried) -> None:
    """One is wanted until one is ready, whatever the demand."""
    pool = core.pools.get(event.pool)
    if pool is not None:
        pool.tried = True
        core.look_at(pool)


def autoscaler_updated(core: Core, event: AutoscalerUpdated) -> None:
    """`update_autoscaler`: holds from now on."""
    pool = core.pools.get(event.pool)
    if pool is not None:
        pool.spec = dataclasses.replace(pool.spec, scaling=event.scaling)
        pool.tuned = True
        _drop_excess(core, pool)
        core.look_at(pool)


def unused_pools_forgotten(core: Core, event: UnusedPoolsForgotten) -> None:
    """After this turn, lest a call that comes in it finds no pool."""
    core.forgetting = True


def forget_unused(core: Core) -> None:
    """A class has a pool for each value of its parameters: what nobody uses must not be kept for ever."""
    core.forgetting = False
    called = {call.pool for call in core.calls.values()}
    for pool in [*core.pools.values()]:
        wanted = not pool.stopping and (pool.tuned or pool.tried or pool.spec.scaling.min_containers > 0)
        if not (wanted or pool.containers or pool in called):
            for table in (core.dirty, core.starved, core.hungry, core.slot_wanted):
                table.pop(pool, None)
            pool.wake_at = None
            del core.pools[pool.id]
            core.emit(PoolForgotten(pool.id))


def _drop_excess(core: Core, pool: Pool) -> None:
    """More containers than a lowered limit allows: idle ones leave now, busy ones when they have done what they run."""
    most = pool.spec.scaling.max_containers
    if most is None:
        return
    staying = [each for each in pool.containers.values() if not each.parked and not each.leaving]
    staying.sort(key=lambda each: len(each.running))
    for container in staying[: max(0, len(staying) - most)]:
        if container.running:
            container.draining = True
            core.settle(container)
        else:
            stop(core, container)


def stop_requested(core: Core, event: StopRequested) -> None:
    """Waiting inputs are cancelled, running ones get their grace period, then everything leaves (cls.exit-grace)."""
    core.stop_requested = True
    for pool in core.pools.values():
        if event.app is not None and pool.spec.app != event.app:
            continue
        pool.stopping = True
        for call in [call for call in core.calls.values() if call.pool is pool]:
            call.closed = True
            fail_waiting(core, call, Failure("InputCancelledError", "the app was stopped"), CANCELLED)
            core.touch(call)
        for container in list(pool.containers.values()):
            stop(core, container)
        core.look_at(pool)
