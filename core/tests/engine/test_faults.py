"""Scenarios with faults, drawn by hypothesis; and what they found, each pinned by a small example."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from simulator import CALM, Fault, Odds, Program, Scenario, World

from intermodal.engine import Engine
from intermodal.engine.commands import CancelAttempts, Dispatch, Kill, Park
from intermodal.engine.events import (
    AutoscalerUpdated,
    CallCancelled,
    InputsAdded,
    MethodPolicy,
    StopRequested,
)
from intermodal.specs import BatchPolicy, Resources, ResourceTotals, RetryPolicy, Scaling
from intermodal.specs.status import ERROR

#: With 2 cores busy: about 30 s.
SCENARIOS = 2_000

scenarios = st.builds(
    Scenario,
    seed=st.integers(0, 1 << 32),
    faults=st.frozensets(st.sampled_from(Fault)),
    pools=st.integers(1, 5),
    calls=st.integers(1, 8),
    inputs=st.sampled_from([1, 4, 12, 30]),
)


@given(scenarios)
@settings(
    max_examples=SCENARIOS,
    deadline=None,
    derandomize=True,  # the same ones each time: whoever changes something else need not meet a new one by chance
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@pytest.mark.timeout(900)
def test_every_invariant_holds_whatever_goes_wrong(scenario: Scenario) -> None:
    """Any mix of faults 1, 4 to 8, 15, 17, 18: each input gets one result, limits hold, all ends, nothing is left."""
    scenario.check()


#: Scenarios that showed a mistake once: what it was stands behind each.
FOUND = [
    (182, "", 4, 6, 2),  # outputs for a container that was told to stop while it was parked
    (125, "", 2, 4, 30),  # outputs held for a container that was killed were delivered after the end of their call
    (79, "", 2, 8, 8),  # max_containers shrank and one idle container was parked where two had to be
    (1407, "1,7,15,17,18", 2, 5, 30),  # an eviction ended inputs that the same turn had sent out
    (1444, "5,18", 2, 7, 30),  # a batch with one answer was never interrupted when the rest timed out
    (1277, "", 2, 7, 30),  # two pools evicted each other's callers for ever
    (50002, "", 5, 12, 30),  # an eviction for a call that had ended meanwhile put work off for minutes
]


@pytest.mark.parametrize(("seed", "faults", "pools", "calls", "inputs"), FOUND)
def test_what_went_wrong_once_goes_well(seed: int, faults: str, pools: int, calls: int, inputs: int) -> None:
    """The scenarios that led to a repair."""
    chosen = frozenset(Fault(int(number)) for number in faults.split(",") if number)
    Scenario(seed, chosen, pools, calls, inputs).check()


def test_the_same_scenario_goes_the_same_way() -> None:
    """A replay has the same timeline to the last line."""
    scenario = Scenario(7, frozenset(Fault))
    told = scenario.explain()
    assert told == scenario.explain()
    assert told.endswith("Everything holds.")
    assert "SEED=7 FAULTS=1,4,5,6,7,8,15,17,18" in told.splitlines()[0]


# ---- clocks (fault 8) ------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_costs_no_more_than_the_time_since_it_was_last_read() -> None:
    """Retries and timeouts go on; they do not wait until the clock is where it was."""
    world = World(totals=ResourceTotals(cpu=4, memory=8192))
    world.add("p", methods={"": MethodPolicy(retries=RetryPolicy(max_retries=1, initial_delay=2.0))}, timeout_s=3.0)
    again = world.submit("p", [Program(1, fail=1)])
    slow = world.submit("p", [Program(2, sleep=60.0)])
    world.run(until=1)
    world.clock_error_s = -3600.0
    world.run()
    assert world.values(again) == [1]
    assert world.results(slow)[0][1].error == "FunctionTimeoutError"
    assert world.now < 2 * 3.0 + 2.0 + 3.0  # two tries, their delay, and at most one try's time once more


def test_the_deadline_is_told_by_the_callers_clock() -> None:
    """After the clock was set back, too; and it is due then."""
    engine = Engine()
    world = World(engine)
    world.add("p", startup_timeout_s=10.0)
    world.launch_plan = lambda launch: "hang"
    world.submit("p", [Program(1)])
    world.run(until=1)
    engine.receive([], 1.0)
    engine.receive([], -5000.0)
    deadline = engine.next_deadline()
    assert deadline is not None
    assert -5000.0 < deadline < -4990.0
    assert any(isinstance(command, Kill) for command in engine.receive([], deadline))


# ---- repeated submissions (fault 6) ----------------------------------------------------------------------------------


def test_a_part_of_inputs_that_is_sent_twice_counts_once() -> None:
    """`first` says where a part belongs: what is there is not taken again, and no part goes before one that is lost."""
    world = World(totals=ResourceTotals(cpu=4, memory=8192))
    world.add("p")
    call = world.submit("p", [Program(0)], closed=False)
    world.send(InputsAdded(call, [Program(3)], True, first=3))
    part = InputsAdded(call, [Program(1), Program(2)], False, first=1)
    world.send(part, part, InputsAdded(call, [Program(2), Program(3)], True, first=2))
    world.run()
    assert world.values(call) == [0, 1, 2, 3]


# ---- stopping and killing what waits ---------------------------------------------------------------------------------


def waiting_world(odds: Odds = CALM) -> tuple[World, str]:
    """One core; a parent "p" that needs all of it and waits for a child in "q" that takes 1 s and half of it."""
    world = World(totals=ResourceTotals(cpu=1.0, memory=8192), odds=odds)
    world.add("p", app="outer", resources=Resources(cpu=1.0), grace_s=5.0)
    world.add("q", app="inner", resources=Resources(cpu=0.5))
    call = world.submit("p", [Program("parent", pool="q", children=(Program("child", sleep=1.0),))])
    world.run(until=0.5)
    return world, call


def test_a_stopping_container_that_waits_goes_on_when_there_is_room() -> None:
    """Its nested result is held until it has its cpu again, as that of any other (call.nested, cls.exit-grace)."""
    world, call = waiting_world()
    world.send(StopRequested("outer"))
    world.run()
    assert world.values(call) == ["parent"]
    assert [park.parked for park in world.said(Park) if park.container == "c1"] == [True, False]


def test_what_is_held_for_a_killed_container_is_dropped() -> None:
    """It is neither woken nor told anything any more, also if it takes long to be gone."""
    world, call = waiting_world(Odds(kill_s=5.0))
    other = world.submit("q", [Program("other", sleep=3.0)])
    world.run(until=2.0)
    assert not world.results(call)
    world.send(CallCancelled(call, terminate_containers=True))
    world.run()
    assert world.values(other) == ["other"]
    assert [park.parked for park in world.said(Park) if park.container == "c1"] == [True]


def test_a_limit_that_shrinks_holds_for_one_that_goes_on() -> None:
    """Its slot is free when all containers over the new limit are gone, not when one of them is idle (scale.limits)."""
    world = World(totals=ResourceTotals(cpu=8.0, memory=8192), odds=Odds(stay=1.0))
    world.add("p", scaling=Scaling(min_containers=3, max_containers=4), grace_s=1.0)
    world.add("q")
    world.run(until=1)
    call = world.submit("p", [Program("parent", pool="q", children=(Program("child", sleep=1.0),))])
    world.run(until=1.5)
    world.send(AutoscalerUpdated("p", Scaling(min_containers=1, max_containers=1)))
    world.run()
    assert world.values(call) == ["parent"]


# ---- batches ---------------------------------------------------------------------------------------------------------


def test_the_rest_of_a_batch_is_interrupted_when_nobody_waits_for_it() -> None:
    """One input of it has answered; the other times out, is deaf, and takes its container with it (conc.cancel)."""
    world = World(totals=ResourceTotals(cpu=4, memory=8192))
    batching = MethodPolicy(batching=BatchPolicy(max_size=2, wait_s=0.1))
    world.add("p", methods={"": batching}, timeout_s=1.0, grace_s=1.0, scaling=Scaling(max_containers=1))
    call = world.submit("p", [Program(0, sleep=0.1), Program(1, sleep=1000.0, deaf=True)])
    after = world.submit("p", [Program(2)])
    world.run()
    assert world.results(call)[1][0] == ERROR
    assert world.values(after) == [2]
    assert len(world.said(CancelAttempts)) == len(world.said(Kill)) == 1


# ---- trees of calls that do not fit side by side ---------------------------------------------------------------------


@pytest.mark.parametrize("width", [2, 8, 30])
def test_trees_that_fit_only_one_at_a_time_all_end(width: int) -> None:
    """Older trees evict younger ones and never the other way round: no tree is started more than a few times."""
    world = World(totals=ResourceTotals(cpu=4, memory=300))
    for pool in ("p", "q", "r"):
        world.add(pool, resources=Resources(cpu=0.1, memory=100))
    deep = Program("r", sleep=0.1)
    tree = Program("p", pool="q", children=(Program("q", pool="r", children=(deep, deep)),))
    call = world.submit("p", [tree] * width)
    world.run()
    assert world.values(call) == ["p"] * width
    assert max(item.tries for dispatch in world.said(Dispatch) for item in dispatch.inputs) <= 10


def test_an_evicted_input_is_back_when_the_call_that_needed_its_room_has_ended() -> None:
    """It does not wait longer than that."""
    world = World(totals=ResourceTotals(cpu=4, memory=300))
    for pool in ("p", "q"):
        world.add(pool, resources=Resources(cpu=0.1, memory=150))
    tree = Program("p", pool="q", children=(Program("q", sleep=3.0),))
    call = world.submit("p", [tree, tree])
    world.run()
    assert world.values(call) == ["p", "p"]
    assert 6.0 < world.now < 7.0
