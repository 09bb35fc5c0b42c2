"""The engine alone: submit → dispatch → result in one thread, no containers, no sockets, a virtual clock."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from intermodal.engine import Engine, commands, events
from intermodal.specs import Resources, ResourceTotals, Scaling
from intermodal.specs.status import OK
from measures import About

ABOUT = {"engine": About("the engine alone", "inputs/s", "higher")}
POOL, CALL = "pool", "call"
#: Results that one turn of a driver's loop brings, at most: what two busy sockets hold.
TURN = 512


class Machine:
    """An engine with containers that answer at once. `busy` is the time spent inside the engine.

    `input_s` is what the containers say an input took: the longer, the fewer are sent ahead in one batch.
    """

    def __init__(self, containers: int, queued: int, input_s: float) -> None:
        self.engine = Engine()
        self.input_s = input_s
        self.queued, self.busy, self.now, self.done = queued, 0.0, 0.0, 0
        self.out: deque[tuple[str, list[int]]] = deque()
        scaling = Scaling(min_containers=containers, max_containers=containers)
        spec = events.PoolSpec(app="bench", resources=Resources(cpu=0.0, memory=0), scaling=scaling)
        capacity = events.CapacityKnown(ResourceTotals(cpu=None, memory=None))
        self._turn([capacity, events.PoolAdded(POOL, spec)])
        self._turn([events.CallSubmitted(CALL, POOL, "client", [None] * queued, closed=False)])

    def _turn(self, news: list[Any]) -> None:
        self.now += 0.0005
        started = time.perf_counter()
        orders = self.engine.receive(news, self.now)
        self.busy += time.perf_counter() - started
        answers: list[Any] = []
        for order in orders:
            if isinstance(order, commands.Dispatch):
                self.out.append((order.container, [one.attempt for one in order.inputs]))
            elif isinstance(order, commands.Launch):
                answers += [events.Launched(order.container), events.ContainerReady(order.container)]
            elif isinstance(order, commands.Deliver):
                self.done += len(order.indices)
        if answers:
            self._turn(answers)

    def run(self, inputs: int) -> float:
        """Inputs a second over the next `inputs`, with the queue kept at its length."""
        self.busy, self.done = 0.0, 0
        while self.done < inputs:
            news: list[Any] = []
            taken = 0
            while self.out and taken < TURN:
                container, attempts = self.out.popleft()
                taken += len(attempts)
                oks = [OK] * len(attempts)
                news.append(events.ResultsArrived(container, attempts, oks, oks, len(attempts) * self.input_s, 0.0))
            news.append(events.InputsAdded(CALL, [None] * taken, closed=False))
            assert taken, "the engine stands still"
            self._turn(news)
        return self.done / self.busy


def _rate(containers: int, queued: int, inputs: int, input_s: float = 1e-6) -> float:
    machine = Machine(containers, queued, input_s)
    machine.run(max(20_000, 2 * containers))
    return machine.run(inputs)


def measure(quick: bool) -> dict[str, Any]:
    """Inputs a second for two containers and a thousand queued inputs, and how that changes with either number.

    The containers of the curve take 100 ms an input, so that each has one at a time, whatever their number: the same
    events for each input, which is what makes the points comparable.
    """
    inputs = 20_000 if quick else 300_000
    containers = (1, 10, 100, 1_000) if quick else (1, 10, 100, 1_000, 10_000)
    queued = (10, 100, 1_000, 10_000) if quick else (10, 100, 1_000, 10_000, 100_000, 1_000_000)
    return {
        "engine": _rate(2, 1_000, inputs),
        "engine-curves": {
            "containers": [(count, _rate(count, 30_000, inputs, 0.1)) for count in containers],
            "queued inputs": [(count, _rate(2, count, inputs)) for count in queued],
        },
    }
