"""Room for a pool that has no container and cannot start one: others give up idle ones, then working ones, then
waiting ones."""

from __future__ import annotations

from dataclasses import replace

from intermodal.engine.attempts import recycle
from intermodal.engine.cancelling import fail_waiting
from intermodal.engine.commands import Failure
from intermodal.engine.core import Core
from intermodal.engine.events import LaunchDeferred
from intermodal.engine.giving import NOTHING, find_room
from intermodal.engine.lifecycle import put_off, stop
from intermodal.engine.model import QUEUED, SLEEPING, Call, Container, Life, Pool
from intermodal.engine.recording import detach
from intermodal.engine.sharing import drain, settled, share
from intermodal.specs import GpuRequest

__all__ = ["chain_of", "evict", "launch_deferred", "make_room", "waiting_calls"]

_LOOK_AGAIN_S = 0.1
_LAST = 1 << 62


def make_room(core: Core, pool: Pool) -> None:
    """Free one container's resources for the pool, or find that nothing can. It waits for what is being freed already.

    1. Where the pool has some containers, those that have more of what is lacking give it its share.
    2. A container that is idle in a pool without waiting inputs stops.
    3. Nested inputs whose own ancestors hold what they need fail: that would never end (call.nested).
    4. A working container of another pool stops after its present inputs, so that no pool starves another.
    5. Where all containers wait for nested calls, that with the youngest work is evicted for the oldest waiting call.
    """
    if core.evicting is not None or not (pool.waiting or pool.tried):
        return
    if pool.supply and core.now >= pool.look_at:
        pool.look_at = core.now + _LOOK_AGAIN_S
        share(core, pool)
    if core.leaving:
        return
    idle = _idle_elsewhere(core, pool)
    if idle is not None:
        stop(core, idle)
        return
    if pool.supply or not pool.waiting:
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


def launch_deferred(core: Core, event: LaunchDeferred) -> None:
    """The host has no room, since others use it, too: what is idle gives way, here or there, and the launch is tried
    again."""
    container = core.containers.get(event.container)
    if container is None:
        return
    put_off(core, container, event.reason)
    resources, gpu = container.pool.spec.resources, container.hold.gpu
    if event.gpus:
        wanted = replace(NOTHING, gpu=None if gpu is None else GpuRequest((gpu,)))
    else:
        wanted = replace(NOTHING, cpu=resources.cpu, memory=resources.memory)
    find_room(core, wanted, container.pool)


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


def waiting_calls(pool: Pool) -> list[Call]:
    """The calls that have inputs which wait for a container, the deepest first."""
    batched = [call for batcher in pool.batchers.values() for call in batcher.calls()]
    calls = pool.queue.calls() + batched + [item.owner for item in pool.solo_queue if item.attempt == QUEUED]
    return sorted(dict.fromkeys(calls), key=lambda call: -call.depth)


def chain_of(core: Core, call: Call) -> list[Container]:
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
    for call in waiting_calls(pool):
        if not call.depth:
            return
        chain = chain_of(core, call)
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
            if other is not pool and settled(core, container):
                drain(core, container)
                return True
    return bool(others)


def _evict(core: Core, pool: Pool) -> None:
    """Make room for the oldest waiting call, also if it is another pool's, at the cost of the youngest work.

    Older work evicts younger, never the other way round: so the oldest always gets on, and in the end all do.
    """
    rivals = [other for other in core.starved if other is not pool and not other.supply]
    waiting = [((*_place(call), _next(call)), call) for other in (pool, *rivals) for call in waiting_calls(other)]
    place, call = min(waiting, default=((), None))
    if call is None:
        return
    chain = set(chain_of(core, call))
    victims = [container for container in core.containers.values() if container.parked and container not in chain]
    if core.ledger.lacks(call.pool.spec.resources) is None:  # then it is GPUs, and only those who hold some can help
        victims = [container for container in victims if container.hold.gpu is not None]
    if not victims:
        return
    found, victim = max(((_place_of(victim), victim) for victim in victims), key=lambda pair: (pair[0], pair[1].number))
    if found > place:
        core.evicting = victim, call
        core.timers.wake(victim, core.now)


def evict(core: Core) -> None:
    """End the container that was chosen, unless it is about to go on by now.

    This is a turn's first act, so that no input that was just sent out changes before the driver has read it. What ran
    there waits until the call that it made room for has ended, or longer each time: nothing is charged.
    """
    if core.evicting is None:
        return
    (victim, call), core.evicting = core.evicting, None
    needless = call.id not in core.calls or victim in core.unparks
    if needless or not victim.parked or victim.life >= Life.KILLING:
        return
    for attempt, item in list(victim.running.items()):
        if item.attempt == attempt and not item.more().items:
            detach(core, victim, item)
            extra = item.more()
            extra.evictions += 1
            item.attempt = SLEEPING
            core.timers.sleep(item, core.now + _LOOK_AGAIN_S * 2.0**extra.evictions)
            core.put_off.setdefault(call, []).append(item)
    recycle(core, victim, f"evicted: everything waits for nested calls, and pool {call.pool.id} needs room for one")


def _place(call: Call) -> tuple[int, ...]:
    """Where a call stands in the order of all work: by the age of its root, then of each call and input on the way."""
    steps: list[int] = [call.number]
    while call.parent is not None:
        steps.append(call.parent.index)
        call = call.parent.owner
        steps.append(call.number)
    return tuple(reversed(steps))


def _next(call: Call) -> int:
    """Index of the first waiting input of a call."""
    return min((item.index for item in call.live.values() if item.attempt == QUEUED), default=call.first)


def _place_of(container: Container) -> tuple[int, ...]:
    """The place of the oldest input that waits in the container; last of all where none does."""
    live = [item for attempt, item in container.running.items() if item.attempt == attempt]
    return min(((*_place(item.owner), item.index) for item in live), default=(_LAST,))
