"""How many containers a pool should have, and getting there (scale.limits, scale.resources)."""

from __future__ import annotations

import math

from intermodal.engine.core import Core
from intermodal.engine.lifecycle import launch, stop
from intermodal.engine.model import Container, Life, Pool
from intermodal.engine.parking import unbench
from intermodal.engine.placement import place

__all__ = ["may_grow", "scale"]


def scale(core: Core, pool: Pool) -> None:
    """Start containers that help, stop those that were idle for long."""
    want = _wanted(core, pool)
    starved = core.starved.pop(pool, False) is None
    hungry = pool in core.hungry
    core.hungry.pop(pool, None)
    if want > pool.supply:
        _grow(core, pool, want)
    if (hungry and pool not in core.hungry) or (starved and pool not in core.starved):
        core.freed()  # those that it went before look again
    if pool not in core.starved:
        pool.noticed = pool.noticed and pool.deferrals > 0
    _shrink(core, pool, want)


def may_grow(core: Core, pool: Pool) -> bool:
    """Whether a new container of the pool could start now if its demand grew, GPUs aside; or will follow each that
    ends."""
    if pool.stopping or pool.error is not None:
        return False
    most = pool.spec.scaling.max_containers
    room = (most is None or pool.live < most) and core.ledger.lacks(pool.spec.resources) is None
    return room or pool.spec.single_use


def _wanted(core: Core, pool: Pool) -> int:
    """Containers for the demand, within what can help; never fewer than `min_containers`, and the buffer while
    active; one where it is to be seen whether they start."""
    if pool.stopping or pool.error is not None:
        return 0
    scaling = pool.spec.scaling
    queued = pool.queued_slots
    want = 0
    if queued or pool.busy:
        if not pool.spec.single_use:
            target = pool.spec.target_inputs or pool.spec.max_inputs
            want = min(-(-(queued + pool.busy) // target), pool.supply + _helpful(core, pool, queued))
        else:
            want = queued + pool.busy
        want += scaling.buffer_containers
    want = max(want, scaling.min_containers, 1 if pool.tried else 0)
    if scaling.max_containers is not None:
        want = min(want, scaling.max_containers)
    return want


def _helpful(core: Core, pool: Pool, queued: int) -> int:
    """How many more containers would make the backlog shorter."""
    if not queued:
        return 0
    settings = core.settings
    cores = core.ledger.totals.cpu
    service = pool.service
    if pool.busy and pool.progress_at is not None:
        stalled_at = pool.progress_at + settings.stall_s
        if core.now >= stalled_at:
            service = max(service or 0.0, core.now - pool.progress_at)
        else:
            core.timers.wake(pool, stalled_at)
    if service is None:
        first = settings.unknown_cores if cores is None else max(1, math.ceil(cores))
        return max(0, first - pool.supply)
    if pool.supply and queued * service / (pool.supply * pool.spec.max_inputs) < settings.drain_s:
        return 0
    if cores is not None and pool.cpu_share:
        used = max(pool.cpu_share, pool.spec.resources.cpu)
        return max(0, max(1, int(cores / used + 0.3)) - pool.supply)
    return queued


def _grow(core: Core, pool: Pool, want: int) -> None:
    if pool.start_failures:
        want = min(want, max(1, sum(1 for c in pool.containers.values() if c.life == Life.READY)))
    most = pool.spec.scaling.max_containers
    while pool.supply < want and (most is None or pool.live < most):
        if pool.benched and unbench(core, pool):
            continue
        if core.now < pool.try_at:
            core.timers.wake(pool, pool.try_at)
            return
        placed = place(core, pool)
        if placed is None:
            core.starved[pool] = None
            return
        launch(core, pool, placed.gpu)


def _shrink(core: Core, pool: Pool, want: int) -> None:
    """Stop what has been idle for the whole window, oldest first."""
    window = pool.spec.scaling.window_s
    for shelf in (pool.benched, pool.idle):
        while shelf:
            container: Container = next(iter(shelf.values()))
            if not (pool.stopping or pool.error is not None):
                if shelf is pool.idle and pool.supply <= want:
                    break
                if core.now < container.idle_since + window:
                    core.timers.wake(pool, container.idle_since + window)
                    break
            stop(core, container)
