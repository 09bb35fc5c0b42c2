"""Cost does not grow with size. It is counted in lines of the engine that run: a busy machine changes nothing."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from simulator import Program, World

from intermodal.engine import Engine
from intermodal.specs import Resources, Scaling


class CountingEngine(Engine):
    """Counts the lines that each event takes."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = self.events = 0

    def receive(self, events: Any, now: float) -> Any:
        """As the engine, traced."""
        events = list(events)
        self.events += len(events)
        sys.settrace(self._trace)
        try:
            return super().receive(events, now)
        finally:
            sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.lines += event == "line"
        return self._trace


def lines_per_event(containers: int, queued: int) -> float:
    """On average over some 300 events of a busy world."""
    world = World(engine := CountingEngine(), record=False)
    scaling = Scaling(min_containers=containers, max_containers=containers)
    world.add("p", resources=Resources(cpu=0.0, memory=0), scaling=scaling)
    world.add("other", resources=Resources(cpu=0.0, memory=0))
    world.run(until=1)
    sleeps = [0.5 + n * 0.01 / containers for n in range(containers)]
    world.submit("p", [Program(sleep=sleep) for sleep in sleeps] + [Program(sleep=0.5)] * queued)
    world.run(until=world.now + 0.1)
    engine.lines = engine.events = 0
    while engine.events < 300:
        world.run(until=world.now + 0.01)
    return engine.lines / engine.events


@pytest.mark.parametrize(("containers", "queued"), [(2_000, 3_000), (20, 100_000)])
def test_an_event_costs_the_same_in_a_small_and_in_a_large_world(containers: int, queued: int) -> None:
    """With a hundred times as many containers, or queued inputs, an event takes no more lines of code."""
    small = lines_per_event(20, 3_000)
    assert lines_per_event(containers, queued) <= 1.3 * small


def test_thousands_of_containers_come_work_and_leave() -> None:
    """A large burst from the first start to the last stop; every input has its result."""
    world = World(record=False, turn_s=0.001)
    world.add("p", resources=Resources(cpu=0.0, memory=0), scaling=Scaling(max_containers=3_000, window_s=1.0))
    world.submit("p", [Program(sleep=1.0)] * 20_000)
    world.run(until=3.0)
    assert len(world.containers) == 3_000
    world.run()
    world.run(until=world.now + 10)
    assert world.delivered == 20_000
    assert not world.containers
