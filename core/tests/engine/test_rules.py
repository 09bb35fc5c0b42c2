"""Rules of the semantics that hold for every order of events, by simulation with hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intermodal.engine import Engine, Settings
from intermodal.engine.events import CallCancelled, InputsCancelled, MethodPolicy, StopRequested
from intermodal.specs import BatchPolicy, Resources, ResourceTotals, RetryPolicy, Scaling
from intermodal.specs.status import CANCELLED, ERROR

from .fleet import Fleet, Program

plain = st.builds(
    Program,
    value=st.integers(0, 10**9),
    sleep=st.sampled_from([0.00001, 0.001, 0.05, 0.4]),
    fail=st.sampled_from([0, 0, 0, 1, 2, 5]),
    crash=st.sampled_from([0, 0, 0, 0, 1, 9]),
    deaf=st.booleans(),
)
world = st.fixed_dictionaries(
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


def fleet_of(world: dict[str, Any]) -> Fleet:
    """A fleet with one pool "p" as the strategy says."""
    fleet = Fleet(
        Engine(settings=Settings(max_losses=3)),
        totals=ResourceTotals(cpu=world["cpu"], memory=2048),
        seed=world["seed"],
        chaos=world["chaos"],
    )
    method = MethodPolicy(
        retries=RetryPolicy(max_retries=world["retries"], initial_delay=0.1),
        batching=BatchPolicy(max_size=world["batch"], wait_s=0.05) if world["batch"] else None,
        is_async=world["is_async"],
    )
    fleet.add(
        "p",
        max_inputs=world["max_inputs"],
        methods={"": method},
        scaling=Scaling(max_containers=world["max_containers"], window_s=2.0),
        timeout_s=0.3,
        grace_s=0.5,
        single_use=world["single_use"],
    )
    return fleet


def finish(fleet: Fleet) -> None:
    """Let everything end; then nothing is left."""
    fleet.run()
    fleet.send(StopRequested())
    fleet.run(until=fleet.now + 30)
    assert fleet.engine.stopped
    assert not fleet.boxes
    counters = fleet.engine.counters
    assert counters.pending == 0
    assert fleet.engine.snapshot().calls == 0
    view = fleet.engine.snapshot().pools["p"]
    assert (view.queued, view.running) == (0, 0)


@given(world, st.lists(st.lists(plain, max_size=30), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_input_has_exactly_one_result(world: dict[str, Any], calls: list[list[Program]]) -> None:
    """Whatever fails, crashes, times out or answers twice: each input ends once, in a way its program and policy
    allow."""
    fleet = fleet_of(world)
    ids = [fleet.submit("p", programs) for programs in calls]
    finish(fleet)
    for call, programs in zip(ids, calls, strict=True):
        results = fleet.results(call)
        assert sorted(results) == list(range(len(programs)))
        for index, program in enumerate(programs):
            status, payload = results[index]
            assert status in (0, ERROR)
            if status == 0:
                assert payload == program.value
            clean = not (world["chaos"] or program.crash or program.fail or program.sleep > 0.3)
            if clean and not any(other.crash or other.deaf for programs in calls for other in programs):
                assert status == 0, payload


@given(world, st.lists(plain, min_size=1, max_size=40), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_cancelled_calls_end_at_once_and_leave_nothing_running(
    world: dict[str, Any], programs: list[Program], data: st.DataObject
) -> None:
    """A cancelled call is terminal in the same instant; what ran for it is interrupted or its container killed."""
    fleet = fleet_of(world)
    kept = fleet.submit("p", programs)
    call = fleet.submit("p", programs)
    some = data.draw(st.lists(st.integers(0, len(programs) + 2), max_size=10))
    fleet.call_after(data.draw(st.floats(0, 0.5)), lambda: fleet.send(InputsCancelled(kept, some)))

    def cancel() -> None:
        fleet.send(CallCancelled(call))
        assert call in fleet.ended

    fleet.call_after(data.draw(st.floats(0, 1)), cancel)
    fleet.run()
    results = fleet.results(kept)
    assert sorted(results) == list(range(len(programs)))
    assert all(index in some for index, (status, _) in results.items() if status == CANCELLED)
    assert sorted(fleet.results(call)) == list(range(len(programs)))
    finish(fleet)


@given(st.integers(0, 1000), st.integers(1, 5), st.booleans(), st.integers(1, 6), st.sampled_from([1, 2, None]))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_nested_calls_do_not_deadlock(seed: int, depth: int, chaos: bool, width: int, most: int | None) -> None:
    """Recursion to any depth that memory allows ends, even with one container and more trees than memory."""
    fleet = Fleet(totals=ResourceTotals(cpu=1, memory=128 * (depth + 2)), seed=seed, chaos=chaos)
    fleet.add("p", resources=Resources(cpu=0.5), scaling=Scaling(max_containers=most))

    def tree(level: int) -> Program:
        count = 2 if level < 3 else 1
        children = tuple(tree(level - 1) for _ in range(count)) if level else ()
        return Program(value=level, sleep=fleet.random.choice([0.001, 0.03]), pool="p", children=children)

    call = fleet.submit("p", [tree(depth) for _ in range(width)])
    fleet.run()
    results = fleet.results(call)
    assert sorted(results) == list(range(width))
    if not chaos:
        assert fleet.values(call) == [depth] * width
    finish(fleet)
