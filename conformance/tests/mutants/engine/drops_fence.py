"""The first answer to an input counts, also that of an attempt which was given up long ago."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.engine import engine, results
from intermodal.engine.attempts import unqueue
from intermodal.engine.core import Core
from intermodal.engine.events import ResultsArrived
from intermodal.engine.model import ENDED, QUEUED, Container
from mutants.planting import instead_of


@instead_of("results_arrived", results)
def results_arrived(original: Callable[..., None], core: Core, event: ResultsArrived) -> None:
    container = core.containers.get(event.container)
    if container is not None:
        for attempt in event.attempts:
            revive(core, container, attempt)
    original(core, event)


def revive(core: Core, container: Container, attempt: int) -> None:
    """Let an attempt that nobody waits for any more be the one that counts, wherever the input is by now."""
    item = container.running.get(attempt)
    if item is None or item.attempt in (attempt, ENDED):
        return
    if item.attempt == QUEUED:
        unqueue(core, item)
    elif item.attempt > 0:
        core.holder(item).dead += 1
    item.attempt = attempt
    container.dead -= 1


engine._HANDLERS[ResultsArrived] = results_arrived
