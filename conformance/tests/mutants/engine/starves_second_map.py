"""The calls of a function are served one after the other: the second waits until the first is through."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.engine.model import Input
from intermodal.engine.queueing import Queue
from mutants.planting import instead_of


@instead_of("take", Queue)
def take(original: Callable[..., list[Input]], queue: Queue, count: int) -> list[Input]:
    taken: list[Input] = []
    while len(taken) < count and queue.size:
        lane = queue._lanes[queue._depths[0]]
        queue._pull(lane[0], count - len(taken), taken)
        if not (lane[0].again or lane[0].fresh):
            queue._retire(lane)
    return taken
