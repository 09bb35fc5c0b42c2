"""Pools that nobody uses are let go of, and those that somebody wants stay."""

from __future__ import annotations

from simulator import Program, World

from intermodal.engine.commands import Launch
from intermodal.engine.events import AutoscalerUpdated, CallSubmitted, UnusedPoolsForgotten
from intermodal.specs import Scaling


def pools(world: World) -> set[str]:
    """What the engine still knows."""
    world.send(UnusedPoolsForgotten())
    return {*world.engine.snapshot().pools}


def test_a_pool_goes_when_its_calls_and_containers_are_gone() -> None:
    """Not while inputs wait or run, nor while a container is kept for the next ones (scale.limits)."""
    world = World()
    world.add("p", scaling=Scaling(window_s=5.0))
    call = world.submit("p", [Program(1, sleep=1.0)])
    assert pools(world) == {"p"}
    world.run(until=0.5)
    assert pools(world) == {"p"}
    world.run(until=2.0)
    assert world.values(call) == [1]
    assert pools(world) == {"p"}
    world.run(until=10.0)
    assert pools(world) == set()
    assert world.forgotten == {"p"}


def test_a_pool_that_is_asked_for_again_is_a_new_one() -> None:
    """A call of the very turn still finds it; a later one brings it back."""
    world = World()
    world.add("p")
    world.open_calls["same"] = None
    world.send(UnusedPoolsForgotten(), CallSubmitted("same", "p", "me", [Program(1)], True))
    assert world.forgotten == set()
    world.run()
    assert world.values("same") == [1]
    world.run(until=1000.0)
    assert pools(world) == set()
    later = world.submit("p", [Program(2)])
    world.run()
    assert world.values(later) == [2]


def test_what_users_set_is_kept() -> None:
    """Containers that are always there, and limits that were changed while it ran (scale.limits)."""
    world = World()
    world.add("plain")
    world.add("kept", scaling=Scaling(min_containers=1))
    world.add("tuned")
    world.send(AutoscalerUpdated("tuned", Scaling(max_containers=2)))
    assert pools(world) == {"kept", "tuned"}
    world.run(until=1.0)
    assert len(world.said(Launch)) == 1
