"""Builds of images that wait for GPUs which callers hold (image.resources, call.nested)."""

from __future__ import annotations

from intermodal.engine import sandboxes
from intermodal.engine.cancelling import fail_waiting
from intermodal.engine.commands import Failure
from intermodal.engine.core import Core
from intermodal.engine.events import BuildWaits
from intermodal.engine.giving import find_room
from intermodal.engine.room import chain_of, waiting_calls
from intermodal.specs import Resources

__all__ = ["build_waits"]


def build_waits(core: Core, event: BuildWaits) -> None:
    """Nested calls fail whose own callers hold what the build needs: these wait for them, and that would never end.
    So do sandboxes. For the others, what is idle gives way."""
    sandboxes.build_waits(core, event)
    wanted = Resources(cpu=0.0, memory=0, gpu=event.request)
    for pool in filter(None, map(core.pools.get, event.pools)):
        for call in waiting_calls(pool):
            chain = chain_of(core, call)
            if chain and not core.ledger.beside(wanted, [container.hold for container in chain]):
                names = " → ".join([container.pool.id for container in reversed(chain)] + [pool.id])
                text = (
                    f"this nested call can never start: a step of its image needs GPUs, and the {len(chain)} "
                    f"container(s) that wait for it hold them until it has ended; the chain of calls is {names}. "
                    "Build the image first, `image.build()`, or ask for fewer GPUs in the chain"
                )
                fail_waiting(core, call, Failure("ResourceExhaustedError", text))
    find_room(core, wanted)
