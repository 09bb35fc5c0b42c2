"""The first answer to an input counts, also that of an attempt which was given up long ago."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.engine import engine, results
from intermodal.engine.core import Core
from intermodal.engine.events import ResultsArrived
from intermodal.engine.model import SLEEPING
from mutants.planting import instead_of


@instead_of("results_arrived", results)
def results_arrived(original: Callable[..., None], core: Core, event: ResultsArrived) -> None:
    container = core.containers.get(event.container)
    for attempt in event.attempts if container is not None else ():
        item = container.running.get(attempt) if container is not None else None
        if container is not None and item is not None and item.attempt == SLEEPING:
            item.attempt = attempt
            container.dead -= 1
    original(core, event)


engine._HANDLERS[ResultsArrived] = results_arrived
