"""Equal shares for pools that want more than there is: who has most of what is lacking gives some to who has least."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.engine.core import Core
from intermodal.engine.lifecycle import stop
from intermodal.engine.model import Container, Life, Pool

__all__ = ["drain", "settled", "share", "yields"]


def share(core: Core, pool: Pool) -> None:
    """Let containers of the pool that holds most end after their present inputs, until both will hold as much.

    Only a pool that has inputs waiting gives any: another's containers come free by themselves. None goes below
    `min_containers`, or below one.
    """
    weigh = _lacking(core, pool)
    givers = [other for other in core.pools.values() if other is not pool and other.waiting and weigh(other)]
    if not givers:
        return
    giver = max(givers, key=lambda other: other.supply * weigh(other))
    coming = pool.supply + core.leaving
    surplus = giver.supply * weigh(giver) - coming * weigh(pool)
    count = min(
        int(surplus / (weigh(giver) + weigh(pool))),
        pool.queued_slots - core.leaving,
        giver.supply - max(1, giver.spec.scaling.min_containers),
    )
    for container in list(giver.containers.values()) if count > 0 else ():
        if count > 0 and not container.leaving and settled(core, container):
            drain(core, container)
            count -= 1


def settled(core: Core, container: Container) -> bool:
    """It has worked for long enough to make room for another."""
    working = container.life == Life.READY and not container.parked
    return working and core.now >= container.ready_at + core.settings.residence_s


def drain(core: Core, container: Container) -> None:
    """No more inputs; it stops after its present ones."""
    container.draining = True
    core.settle(container)
    if not container.running:
        stop(core, container)


def yields(core: Core, pool: Pool) -> bool:
    """Whether what a container of this pool would take is due to another one that waits for it and holds less."""
    for other in core.starved:
        if other is not pool and other.supply and other.waiting:
            weigh = _lacking(core, other, pool)
            if (other.supply + 1) * weigh(other) <= pool.supply * weigh(pool):
                return True
    return False


def _lacking(core: Core, needy: Pool, taker: Pool | None = None) -> Callable[[Pool], float]:
    """How much a container of a pool holds of what `needy` lacks, or would lack if `taker` took some."""
    resources = needy.spec.resources
    cpu, memory = resources.cpu, resources.memory
    if taker is not None:
        cpu, memory = cpu + taker.spec.resources.cpu, memory + taker.spec.resources.memory
    if not core.ledger.has_cpu(round(cpu * 1000)):
        return lambda pool: pool.spec.resources.cpu
    if not core.ledger.has_memory(memory):
        return lambda pool: pool.spec.resources.memory
    return lambda pool: pool.spec.resources.gpu.choices[0].count if pool.spec.resources.gpu is not None else 0
