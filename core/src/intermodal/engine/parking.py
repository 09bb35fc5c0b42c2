"""Nested calls without deadlock: containers whose inputs all wait are parked, and go on ahead of new inputs
(call.nested)."""

from __future__ import annotations

from intermodal.engine.attempts import enqueue
from intermodal.engine.commands import Park
from intermodal.engine.core import Core
from intermodal.engine.events import InputWaiting
from intermodal.engine.model import QUEUED, Container, Life, Pool
from intermodal.engine.recording import await_confirmation

__all__ = ["confirm_late", "input_waiting", "park_if_blocked", "unbench", "unpark_waiting"]


def input_waiting(core: Core, event: InputWaiting) -> None:
    """The attempt blocks on nested calls, or goes on."""
    found = core.running(event.attempt)
    if found is None:
        return
    container, item = found
    extra = item.more()
    if extra.waiting != event.waiting:
        extra.waiting = event.waiting
        container.waiting += 1 if event.waiting else -1
    if not event.waiting:
        if not container.waiting:
            container.unconfirmed_at = None
        if container.parked:
            _unpark(core, container)
    else:
        if container.pool.single:
            _take_back(core, container)
        park_if_blocked(core, container)


def unpark_waiting(core: Core) -> None:
    """Let parked containers whose nested outputs have come go on, oldest first, where there is a slot and cpu."""
    if core.cpu_wanted:
        core.look_at(*core.pools.values())
    core.look_at(*core.slot_wanted)
    core.cpu_wanted = False
    core.slot_wanted = {}
    for container in list(core.unparks):
        pool = container.pool
        most = pool.spec.scaling.max_containers
        while most is not None and pool.live >= most and pool.idle:
            _set_parked(core, next(iter(pool.idle.values())), True)
        if most is not None and pool.live >= most:
            core.slot_wanted[pool] = None
            continue
        if not _cpu_for(core, container):
            core.cpu_wanted = True
            continue
        _unpark(core, container)
        await_confirmation(core, container)


def confirm_late(core: Core, container: Container) -> None:
    """Outputs came and the container did not go on: it waits for others still, and gives its slot back."""
    container.unconfirmed_at = None
    park_if_blocked(core, container)


def unbench(core: Core, pool: Pool) -> bool:
    """Put a benched container back to work. False where there is no cpu for it."""
    container = next(reversed(pool.benched.values()))
    if core.cpu_wanted or not core.ledger.has_cpu(container.hold.cpu):
        return False
    _set_parked(core, container, False)
    return True


def park_if_blocked(core: Core, container: Container) -> None:
    """Park the container if each of its inputs waits."""
    if container.unconfirmed_at is not None:
        return
    blocked = container.waiting and container.waiting == len(container.running) - container.dead
    if blocked and not container.parked and container.life == Life.READY:
        _set_parked(core, container, True)


def _unpark(core: Core, container: Container) -> None:
    core.unparks.pop(container, None)
    held, container.held = container.held, []
    _set_parked(core, container, False)
    core.commands += held


def _set_parked(core: Core, container: Container, parked: bool) -> None:
    container.parked = parked
    core.ledger.park(container.hold, parked)
    core.emit(Park(container.id, parked))
    core.settle(container)
    if parked:
        core.freed()


def _cpu_for(core: Core, container: Container) -> bool:
    """Whether there is cpu for it to go on; idle containers anywhere give theirs."""
    for pool in core.pools.values():
        while pool.idle and not core.ledger.has_cpu(container.hold.cpu):
            _set_parked(core, next(iter(pool.idle.values())), True)
    return core.ledger.has_cpu(container.hold.cpu)


def _take_back(core: Core, container: Container) -> None:
    """What was sent ahead would wait behind the blocked input, perhaps for ever: others run it."""
    live = [item for attempt, item in container.running.items() if item.attempt == attempt]
    ahead = [item for item in live if not (item.extra and item.extra.waiting)]
    if not ahead:
        return
    core.cancel(container, [item.attempt for item in ahead])
    container.dead += len(ahead)
    for item in reversed(ahead):
        item.attempt = QUEUED
        item.tries -= 1
        enqueue(core, item, front=True)
    core.settle(container)
