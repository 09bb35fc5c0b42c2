"""What one event costs and what one input weighs, against how many containers and queued inputs there are."""

from __future__ import annotations

import gc
import time
import tracemalloc
from dataclasses import dataclass

from simulator import Program, World

from intermodal.engine import Engine
from intermodal.engine.events import CallSubmitted, CapacityKnown, PoolAdded, PoolSpec
from intermodal.specs import Resources, ResourceTotals, Scaling
from scale.meter import TimedEngine

__all__ = ["Whole", "by_containers", "by_queue", "bytes_per_input", "whole"]

#: Inputs take 1 s, so that each container has one at a time and each result is an event, and a turn, of its own.
_PROGRAM = Program(sleep=1.0)
_RESOURCES = Resources(cpu=0.0, memory=0)


def _world(containers: int, queued: int, turn_s: float = 0.0) -> tuple[World, TimedEngine]:
    engine = TimedEngine()
    world = World(engine, record=False, start_s=1.0, turn_s=turn_s)
    world.add("p", resources=_RESOURCES, scaling=Scaling(min_containers=containers, max_containers=containers))
    world.run(until=2.0)
    world.submit("p", [_PROGRAM] * queued, "call", closed=False)
    # Containers that began in the same moment would answer in the same turn for ever: each gets a phase of its own.
    for place, box in enumerate(world.containers.values()):
        for task in box.running.values():
            task.program = Program(sleep=1.0 + place / (containers + 1))
    return world, engine


def _cost(containers: int, queued: int, events: int) -> float:
    """Microseconds an event, the best of three laps."""
    world, engine = _world(containers, queued + 5 * events)
    seconds = events / containers
    world.run(until=world.now + 2.0)
    engine.lap()
    costs = []
    for _ in range(3):
        world.run(until=world.now + seconds)
        spent, count = engine.lap()
        costs.append(1e6 * spent / max(count, 1))
    return min(costs)


def by_containers(counts: list[int], events: int, *, collector: bool = True) -> list[tuple[int, float]]:
    """Microseconds an event with so many containers, 100,000 inputs queued. `collector`: Python's garbage collector."""
    try:
        if not collector:
            gc.disable()
        return [(count, _cost(count, 100_000, max(events, count))) for count in counts]
    finally:
        gc.enable()


def by_queue(counts: list[int], events: int) -> list[tuple[int, float]]:
    """Microseconds an event with so many inputs queued, 100 containers."""
    return [(count, _cost(100, count, events)) for count in counts]


def bytes_per_input(counts: list[int]) -> list[tuple[int, float]]:
    """Bytes that the engine keeps for a queued input, the payload left out."""
    found = []
    for count in counts:
        engine = Engine()
        spec = PoolSpec(app="scale", resources=Resources(cpu=1.0), scaling=Scaling(max_containers=1))
        engine.receive([CapacityKnown(ResourceTotals(cpu=1.0)), PoolAdded("p", spec)], 0.0)
        inputs = [None] * count
        gc.collect()
        tracemalloc.start()
        engine.receive([CallSubmitted("call", "p", "client", inputs, True)], 0.0)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        found.append((count, held / count))
    return found


@dataclass(frozen=True)
class Whole:
    """One run of everything."""

    containers: int
    inputs: int
    virtual_s: float
    engine_s: float
    wall_s: float
    most_containers: int


def whole(containers: int, inputs: int) -> Whole:
    """Run so many inputs on so many containers, from the first start to the last stop, in virtual time."""
    started = time.perf_counter()
    engine = TimedEngine()
    world = World(engine, record=False, start_s=1.0, turn_s=0.0005)
    world.add("p", resources=_RESOURCES, scaling=Scaling(max_containers=containers, window_s=5.0))
    world.submit("p", [_PROGRAM] * inputs, "call")
    most = 0
    while world.open_calls:
        world.run(until=world.now + 1.0)
        most = max(most, len(world.containers))
    ended = world.now
    world.run(until=world.now + 60.0)
    assert not world.containers, "containers were left"
    assert world.delivered == inputs
    return Whole(containers, inputs, ended, engine.spent, time.perf_counter() - started, most)
