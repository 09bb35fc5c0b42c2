"""Room for a pool that has no container and cannot start one: others give up idle ones, then working ones, then
waiting ones."""

from __future__ import annotations

from intermodal.engine.attempts import recycle
from intermodal.engine.cancelling import fail_waiting
from intermodal.engine.commands import Failure
from intermodal.engine.core import Core
from intermodal.engine.lifecycle import stop
from intermodal.engine.model import SLEEPING, Call, Container, Input, Life, Pool
from intermodal.engine.recording import detach

__all__ = ["make_room"]

_LOOK_AGAIN_S = 0.1


def make_room(core: Core, pool: Pool) -> None:
    """Free one container's resources for the pool, or find that nothing can. It waits for what is being freed already.

    1. A container that is idle in a pool without waiting inputs stops.
    2. Nested inputs whose own ancestors hold what they need fail: that would never end (call.nested).
    3. A working container of another pool stops after its present inputs, so that no pool starves another.
    4. Where all containers wait for nested calls, one outside the chain of the deepest call is evicted.
    """
    if core.leaving or not pool.waiting:
        return
    idle = _idle_elsewhere(core, pool)
    if idle is not None:
        stop(core, idle)
        return
    if pool.supply:
        return
    if core.now < pool.look_at:
        core.timers.wake(pool, pool.look_at)
        return
    _fail_blocked(core, pool)
    if not pool.waiting:
        return
    core.timers.wake(pool, core.now + _LOOK_AGAIN_S)
    if core.outputs or core.unparks:
        return  # somebody is about to go on
    if _drain_other(core, pool):
        pool.look_at = core.now + _LOOK_AGAIN_S
    else:
        _evict(core, pool)


def _idle_elsewhere(core: Core, pool: Pool) -> Container | None:
    """The container that has been idle longest in a pool with no use for it."""
    found: Container | None = None
    for other in core.pools.values():
        if other is pool or other.waiting:
            continue
        spare = other.supply > other.spec.scaling.min_containers or not pool.supply
        for shelf in (other.benched, other.idle):
            first = next(iter(shelf.values()), None)
            if first is not None and spare and (found is None or first.idle_since < found.idle_since):
                found = first
    return found


def _waiting_calls(pool: Pool) -> list[Call]:
    batched = [call for batcher in pool.batchers.values() for call in batcher.calls()]
    calls = pool.queue.calls() + batched + [item.owner for item in pool.solo_queue]
    return sorted(dict.fromkeys(calls), key=lambda call: -call.depth)


def _chain(core: Core, call: Call) -> list[Container]:
    """The containers of the inputs that wait for this call, nearest first."""
    found: list[Container] = []
    parent = call.parent
    while parent is not None:
        if parent.attempt > 0:
            found.append(core.holder(parent))
        parent = parent.owner.parent
    return list(dict.fromkeys(found))


def _fail_blocked(core: Core, pool: Pool) -> None:
    resources = pool.spec.resources
    for call in _waiting_calls(pool):
        if not call.depth:
            return
        chain = _chain(core, call)
        if not core.ledger.beside(resources, [container.hold for container in chain]):
            names = " → ".join([container.pool.id for container in reversed(chain)] + [pool.id])
            text = (
                f"this nested call can never start: the {len(chain)} container(s) that wait for it hold what it needs "
                f"({core.ledger.lacks(resources) or 'GPUs'}) until it has ended; the chain of calls is {names}. "
                "Ask for less memory or fewer GPUs in the chain, or nest less deeply"
            )
            fail_waiting(core, call, Failure("ResourceExhaustedError", text))


def _drain_other(core: Core, pool: Pool) -> bool:
    """Let the biggest other pool give up a container. True where somebody still works, who will be done some time."""
    others = [other for other in core.pools.values() if other.live]
    for other in sorted(others, key=lambda other: -other.supply):
        for container in other.containers.values():
            settled = core.now >= container.ready_at + core.settings.residence_s
            if other is not pool and container.life == Life.READY and not container.parked and settled:
                container.draining = True
                core.settle(container)
                if not container.running:
                    stop(core, container)
                return True
    return bool(others)


def _evict(core: Core, pool: Pool) -> None:
    contenders = [
        other for other in core.pools.values() if other is pool or (other in core.starved and not other.supply)
    ]
    if max(contenders, key=lambda other: other.depth) is not pool:
        return  # what a deeper one frees for itself is what ends the others' waiting
    calls = _waiting_calls(pool)
    chain = set(_chain(core, calls[0])) if calls else set()
    waiting = [container for container in core.containers.values() if container.parked and container not in chain]
    if core.ledger.lacks(pool.spec.resources) is None:  # then it is GPUs, and only those who hold some can help
        waiting = [container for container in waiting if container.hold.gpu is not None]
    if waiting:
        youngest = max(waiting, key=lambda container: container.number)
        for attempt, item in list(youngest.running.items()):
            if item.attempt == attempt and not item.more().items:
                _put_off(core, youngest, item)
        recycle(core, youngest, f"evicted: everything waits for nested calls, and pool {pool.id} needs room for one")


def _put_off(core: Core, container: Container, item: Input) -> None:
    """It runs again later, each time later, so that what it made room for is done by then. Nothing is charged."""
    detach(core, container, item)
    extra = item.more()
    extra.evictions += 1
    item.attempt = SLEEPING
    core.timers.sleep(item, core.now + min(_LOOK_AGAIN_S * 2.0**extra.evictions, core.settings.max_backoff_s))
