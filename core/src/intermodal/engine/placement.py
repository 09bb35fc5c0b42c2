"""Whether a new container fits now, and on which GPU; making room where another pool holds it (scale.resources,
gpu.request)."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.engine.core import Core
from intermodal.engine.model import Pool
from intermodal.engine.room import make_room
from intermodal.engine.sharing import yields
from intermodal.specs import GpuChoice

__all__ = ["Placed", "place"]


@dataclass(frozen=True, slots=True)
class Placed:
    """It fits; `gpu` is the choice to ask for."""

    gpu: GpuChoice | None


def place(core: Core, pool: Pool) -> Placed | None:
    """Where a new container of the pool can go now. None: nowhere; somebody was told, and it is tried again."""
    resources = pool.spec.resources
    if core.cpu_wanted or (core.hungry and _after_others(core, pool)) or (core.starved and yields(core, pool)):
        core.starved[pool] = None
        return None
    lacking = core.ledger.lacks(resources)
    gpu: GpuChoice | None = None
    if lacking is None and resources.gpu is not None:
        gpu = _gpu(core, pool)
        if gpu is None:
            lacking = "GPU " + ", ".join(str(choice) for choice in resources.gpu.choices)
    if lacking is None:
        return Placed(gpu)
    if core.ledger.never(resources) is None:
        if not pool.supply and not pool.noticed:
            pool.noticed = True
            core.notice(f"waiting for {lacking}: other containers hold it", pool=pool)
        if not pool.supply and pool.waiting and core.ledger.lacks(resources):
            core.hungry[pool] = None
        make_room(core, pool)
    return None


def _after_others(core: Core, pool: Pool) -> bool:
    """Pools that have no container go first, and of those the one that is deepest in a chain of nested calls."""
    if pool.supply:
        return True
    depth = pool.depth
    return any(other is not pool and other.depth > depth for other in core.hungry)


def _gpu(core: Core, pool: Pool) -> GpuChoice | None:
    """The first free choice in order of preference; a later one is looked at when those before were busy for a
    while."""
    resources = pool.spec.resources
    wait = core.settings.gpu_wait_s
    asked = resources.gpu.choices if resources.gpu is not None else ()
    choices = [choice for choice in asked if core.ledger.possible(choice)]
    if pool.gpu_since is None:
        pool.gpu_since = core.now
    since, now = pool.gpu_since, core.now
    allowed = 1 + sum(1 for place in range(1, len(choices)) if now >= since + place * wait)
    for choice in choices[:allowed]:
        for spelt in core.ledger.spelt(choice):
            refused_until = pool.refused.get(str(spelt), 0.0)
            if core.now < refused_until:
                core.timers.wake(pool, refused_until)
            elif core.ledger.has_gpu(spelt):
                return spelt
    if allowed < len(choices):
        core.timers.wake(pool, since + allowed * wait)
    return None
