"""Rules of the semantics that hold for every order of events, by simulation with hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulator import CALM, CHAOS, Program, World

from intermodal.engine import Engine, Settings
from intermodal.engine.events import CallCancelled, InputsCancelled, MethodPolicy, StopRequested
from intermodal.specs import BatchPolicy, Resources, ResourceTotals, RetryPolicy, Scaling
from intermodal.specs.status import CANCELLED, ERROR

plain = st.builds(
    Program,
    value=st.integers(0, 10**9),
    sleep=st.sampled_from([0.00001, 0.001, 0.05, 0.4]),
    fail=st.sampled_from([0, 0, 0, 1, 2, 5]),
    crash=st.sampled_from([0, 0, 0, 0, 1, 9]),
    deaf=st.booleans(),
)
shape = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "chaos": st.booleans(),
        "max_inputs": st.sampled_from([1, 1, 2, 5]),
        "is_async": st.booleans(),
        "max_containers": st.sampled_from([None, 1, 2, 5]),
        "cpu": st.sampled_from([None, 1.0, 2.0]),
        "retries": st.integers(0, 2),
        "batch": st.sampled_from([0, 0, 1, 4]),
        "single_use": st.sampled_from([False, False, False, True]),
    }
)


def world_of(shape: dict[str, Any]) -> World:
    """A world with one pool "p" as the strategy says."""
    world = World(
        Engine(settings=Settings(max_losses=3)),
        totals=ResourceTotals(cpu=shape["cpu"], memory=2048),
        seed=shape["seed"],
        odds=CHAOS if shape["chaos"] else CALM,
    )
    method = MethodPolicy(
        retries=RetryPolicy(max_retries=shape["retries"], initial_delay=0.1),
        batching=BatchPolicy(max_size=shape["batch"], wait_s=0.05) if shape["batch"] else None,
        is_async=shape["is_async"],
    )
    world.add(
        "p",
        max_inputs=shape["max_inputs"],
        methods={"": method},
        scaling=Scaling(max_containers=shape["max_containers"], window_s=2.0),
        timeout_s=0.3,
        grace_s=0.5,
        single_use=shape["single_use"],
    )
    return world


def finish(world: World) -> None:
    """Let everything end; then nothing is left."""
    world.run()
    world.send(StopRequested())
    world.run(until=world.now + 30)
    assert world.engine.stopped
    assert not world.containers
    counters = world.engine.counters
    assert counters.pending == 0
    assert world.engine.snapshot().calls == 0
    view = world.engine.snapshot().pools["p"]
    assert (view.queued, view.running) == (0, 0)


@given(shape, st.lists(st.lists(plain, max_size=30), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_input_has_exactly_one_result(shape: dict[str, Any], calls: list[list[Program]]) -> None:
    """Whatever fails, crashes, times out or answers twice: each input ends once, in a way its program and policy
    allow."""
    world = world_of(shape)
    ids = [world.submit("p", programs) for programs in calls]
    finish(world)
    for call, programs in zip(ids, calls, strict=True):
        results = world.results(call)
        assert sorted(results) == list(range(len(programs)))
        for index, program in enumerate(programs):
            status, payload = results[index]
            assert status in (0, ERROR)
            if status == 0:
                assert payload == program.value
            clean = not (shape["chaos"] or program.crash or program.fail or program.sleep > 0.3)
            if clean and not any(other.crash or other.deaf for programs in calls for other in programs):
                assert status == 0, payload


@given(shape, st.lists(plain, min_size=1, max_size=40), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_cancelled_calls_end_at_once_and_leave_nothing_running(
    shape: dict[str, Any], programs: list[Program], data: st.DataObject
) -> None:
    """A cancelled call is terminal in the same instant; what ran for it is interrupted or its container killed."""
    world = world_of(shape)
    kept = world.submit("p", programs)
    call = world.submit("p", programs)
    some = data.draw(st.lists(st.integers(0, len(programs) + 2), max_size=10))
    world.after(data.draw(st.floats(0, 0.5)), lambda: world.send(InputsCancelled(kept, some)))

    def cancel() -> None:
        world.send(CallCancelled(call))
        assert call in world.ended

    world.after(data.draw(st.floats(0, 1)), cancel)
    world.run()
    results = world.results(kept)
    assert sorted(results) == list(range(len(programs)))
    assert all(index in some for index, (status, _) in results.items() if status == CANCELLED)
    assert sorted(world.results(call)) == list(range(len(programs)))
    finish(world)


@given(st.integers(0, 1000), st.integers(1, 5), st.booleans(), st.integers(1, 6), st.sampled_from([1, 2, None]))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_nested_calls_do_not_deadlock(seed: int, depth: int, chaos: bool, width: int, most: int | None) -> None:
    """Recursion to any depth that memory allows ends, even with one container and more trees than memory."""
    world = World(totals=ResourceTotals(cpu=1, memory=128 * (depth + 2)), seed=seed, odds=CHAOS if chaos else CALM)
    world.add("p", resources=Resources(cpu=0.5), scaling=Scaling(max_containers=most))

    def tree(level: int) -> Program:
        count = 2 if level < 3 else 1
        children = tuple(tree(level - 1) for _ in range(count)) if level else ()
        return Program(value=level, sleep=world.random.choice([0.001, 0.03]), pool="p", children=children)

    call = world.submit("p", [tree(depth) for _ in range(width)])
    world.run()
    results = world.results(call)
    assert sorted(results) == list(range(width))
    if not chaos:
        assert world.values(call) == [depth] * width
    finish(world)
