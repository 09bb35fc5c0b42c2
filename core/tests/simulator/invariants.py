"""What must hold of an engine: sums that agree with what they sum up, and nothing left once all is over."""

from __future__ import annotations

from typing import Any

from intermodal.engine import Engine
from intermodal.engine.model import QUEUED, Life, Shelf

__all__ = ["audit", "describe", "nothing_left"]

_TABLES = (
    "calls", "clients", "containers", "numbered", "outputs", "cancels", "orphans", "dirty", "starved", "hungry",
    "unparks", "slot_wanted", "put_off",
)  # fmt: skip


def audit(engine: Engine) -> None:
    """Every sum that the engine keeps up to date is what counting it anew gives."""
    core = engine._core
    pending = 0
    for call in core.calls.values():
        gone = len(call.cancelled or ())
        assert call.pending == len(call.live) + len(call.fresh) - gone, f"{call.id}: {call.pending} pending"
        pending += call.pending
    assert core.counters.pending == pending, f"{core.counters.pending} pending, and calls have {pending}"
    cpu = memory = leaving = 0
    gpus: dict[str, int] = {}
    for container in core.containers.values():
        hold = container.hold
        cpu += 0 if hold.parked else hold.cpu
        memory += hold.memory
        leaving += container.standing[2]
        if hold.gpu is not None and hold.gpu.kind is not None:
            gpus[hold.gpu.kind] = gpus.get(hold.gpu.kind, 0) + hold.gpu.count
        dead = sum(1 for attempt, item in container.running.items() if item.attempt != attempt)
        assert container.dead == dead, f"{container.id}: {container.dead} dead, really {dead}"
        groups = {id(group) for group in container.groups.values()}
        assert container.batches == len(groups), f"{container.id}: {container.batches} batches, really {len(groups)}"
        assert hold.parked == container.parked
        live = [item for attempt, item in container.running.items() if item.attempt == attempt]
        waiting = sum(1 for item in live if item.extra is not None and item.extra.waiting)
        assert container.waiting == waiting, f"{container.id}: {container.waiting} wait, really {waiting}"
    assert (core.ledger.cpu, core.ledger.memory) == (cpu, memory)
    assert {kind: count for kind, count in core.ledger.gpus.items() if count} == gpus
    assert core.leaving == leaving
    for pool in core.pools.values():
        _audit_pool(core, pool)


def _audit_pool(core: Any, pool: Any) -> None:
    containers = pool.containers.values()
    assert pool.live == sum(1 for c in containers if not c.parked)
    assert pool.supply == sum(1 for c in containers if not c.parked and not c.leaving)
    assert pool.busy == sum(c.load for c in containers if not c.parked and not c.leaving)
    shelves = {Shelf.IDLE: pool.idle, Shelf.ROOM: pool.room, Shelf.BENCH: pool.benched}
    for shelf, members in shelves.items():
        assert set(members) == {c.id for c in containers if c.shelf == shelf}
    plain = batched = solo = 0
    for call in core.calls.values():
        if call.pool is not pool:
            continue
        alone = [item for item in call.live.values() if item.attempt == QUEUED and item.extra and item.extra.losses]
        again = [item for item in call.live.values() if item.attempt == QUEUED and item not in alone]
        waiting = len(call.fresh) - len(call.cancelled or ()) + len(again)
        solo += len(alone)
        if call.policy.batching is None:
            plain += waiting
        else:
            batched += waiting
    assert pool.solo_size == solo, f"{pool.id}: {pool.solo_size} suspects, really {solo}"
    assert pool.queue.size == plain, f"{pool.id}: {pool.queue.size} queued, really {plain}"
    sizes = sum(batcher.size for batcher in pool.batchers.values())
    assert sizes == batched, f"{pool.id}: {sizes} in batches, really {batched}"


def nothing_left(engine: Engine) -> None:
    """All is over: no call, input, container, timer or resource is kept."""
    core = engine._core
    left = {name: table for name in _TABLES if (table := getattr(core, name))}
    assert not left, f"left over: {left}\n{describe(engine)}"
    assert core.counters.pending == 0
    assert (core.ledger.cpu, core.ledger.memory, core.leaving) == (0, 0, 0)
    assert not any(core.ledger.gpus.values())
    assert not core.cpu_wanted
    assert engine.next_deadline() is None, f"a timer is left, at {engine.next_deadline()}\n{describe(engine)}"
    for pool in core.pools.values():
        assert (pool.waiting, pool.live, pool.supply, pool.busy) == (0, 0, 0, 0), describe(engine)
        assert not any((pool.containers, pool.idle, pool.room, pool.benched)), describe(engine)


def describe(engine: Engine) -> str:
    """The engine's state in lines."""
    core = engine._core
    lines = [f"{engine.counters}; cpu {core.ledger.cpu} memory {core.ledger.memory} gpus {core.ledger.gpus}"]
    lines.append(f"unparks {[c.id for c in core.unparks]} cpu_wanted {core.cpu_wanted} leaving {core.leaving}")
    lines += [f"{name} {[pool.id for pool in getattr(core, name)]}" for name in ("slot_wanted", "starved", "hungry")]
    for pool in core.pools.values():
        calls = [(call.id, call.depth, len(call.fresh), len(call.again)) for call in pool.queue.calls()]
        lines.append(
            f"{pool.id}: waiting {pool.waiting} supply {pool.supply} live {pool.live} busy {pool.busy} "
            f"idle {[*pool.idle]} bench {[*pool.benched]} room {[*pool.room]} solo {pool.solo_size} "
            f"failures {pool.start_failures} try {pool.try_at:g} look {pool.look_at:g} wake {pool.wake_at} "
            f"calls {calls}"
        )
    for container in core.containers.values():
        inside = [
            f"{item.owner.id}[{item.index}]{'' if item.attempt == attempt else ' dead'}"
            f"{' waiting' if item.extra and item.extra.waiting else ''}"
            for attempt, item in container.running.items()
        ]
        life = next(name for name, value in vars(Life).items() if value == container.life).lower()
        lines.append(
            f"{container.id} of {container.pool.id}: {life}{' parked' if container.parked else ''}"
            f"{' draining' if container.draining else ''} held {len(container.held)} grace {container.grace_at} "
            f"{inside}"
        )
    return "\n".join(lines)
