"""Room for a pool that cannot start a container: others give up idle ones, then work, then what merely waits (scale.resources)."""

from __future__ import annotations

from intermodal.engine.core import Core
from intermodal.engine.lifecycle import stop
from intermodal.engine.model import Container, Pool

__all__ = ["make_room"]


def make_room(core: Core, pool: Pool) -> None:
    """Free something that another pool does not need. Does nothing while something is being freed already."""
    if core.leaving:
        return
    idle = _idle_elsewhere(core, pool)
    if idle is not None:
        stop(core, idle)


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
