"""Nested calls: parking, priority, chains that cannot fit, children that nobody waits for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulator import CALM, CHAOS, Program, World

from intermodal.engine.commands import Deliver, Launch, Park
from intermodal.engine.events import CallCancelled, CallSubmitted, InputWaiting, MethodPolicy, StopRequested
from intermodal.specs import BatchPolicy, GpuChoice, GpuRequest, Resources, ResourceTotals, Scaling
from intermodal.specs.status import ERROR, OK


def chain(depth: int, pool: str = "p", sleep: float = 0.01) -> Program:
    """A program that calls itself to this depth."""
    children = (chain(depth - 1, pool, sleep),) if depth else ()
    return Program(depth, sleep=sleep, pool=pool, children=children)


@pytest.mark.parametrize("cpu", [0.5, 1.0])
def test_recursion_with_one_container_and_one_core_ends(cpu: float) -> None:
    """A waiting container counts neither against `max_containers` nor for cpu (call.nested)."""
    world = World(totals=ResourceTotals(cpu=1.0, memory=8192))
    world.add("p", resources=Resources(cpu=cpu), scaling=Scaling(max_containers=1))
    call = world.submit("p", [chain(12)])
    world.run()
    assert world.values(call) == [12]
    assert len(world.said(Launch)) == 13


def test_a_chain_that_holds_what_it_needs_fails_at_once_by_name() -> None:
    """Ancestors hold the memory: the child fails typed, and the message has the chain."""
    world = World(totals=ResourceTotals(cpu=8, memory=1000))
    world.add("outer", resources=Resources(memory=600))
    world.add("inner", resources=Resources(memory=500))
    refusals: list[Any] = []

    def watch(command: Deliver) -> None:
        refusals.extend(payload for payload in command.payloads if not isinstance(payload, str))

    world.on_outputs = watch
    call = world.submit("outer", [Program("outer", pool="inner", children=(Program("inner"),))])
    world.run()
    assert world.values(call) == ["outer"]
    (failure,) = refusals
    assert failure.error == "ResourceExhaustedError"
    assert "outer → inner" in failure.message
    assert world.now < 0.5


def test_a_gpu_held_by_the_caller_fails_the_nested_call_at_once() -> None:
    """The same for devices."""
    world = World(totals=ResourceTotals(gpus={"H100": 1}))
    request = Resources(gpu=GpuRequest((GpuChoice("H100"),)))
    world.add("outer", resources=request)
    world.add("inner", resources=request)
    call = world.submit("outer", [Program("outer", pool="inner", children=(Program("inner"),))])
    world.run()
    assert world.values(call) == ["outer"]
    assert "inner" not in world.ran


def test_a_nested_call_ends_when_its_containers_cannot_start_while_its_callers_wait() -> None:
    """Containers that wait for it serve nobody: they do not make a start that always fails worth more tries."""
    world = World()
    world.add("p")
    plans = iter([None, None])
    world.launch_plan = lambda launch: next(plans, "die")
    call = world.submit("p", [chain(4)])
    world.run()
    assert world.values(call) == [4]
    assert len(world.said(Launch)) == 5


def test_memory_held_by_others_is_freed_by_evicting_them() -> None:
    """Trees side by side that together fill the memory do not block each other for ever."""
    world = World(totals=ResourceTotals(cpu=64, memory=128 * 6))
    world.add("p", resources=Resources(cpu=0.1))
    call = world.submit("p", [chain(4) for _ in range(12)])
    world.run()
    assert world.values(call) == [4] * 12


def test_a_nested_result_goes_ahead_of_new_inputs() -> None:
    """The waiting container gets the slot before inputs that came later."""
    world = World(totals=ResourceTotals(cpu=1.0, memory=8192))
    world.add("p", resources=Resources(cpu=1.0), scaling=Scaling(max_containers=1))
    call = world.submit("p", [chain(1, sleep=0.2)])
    world.run(until=0.1)
    later = world.submit("p", [Program(n, sleep=0.2) for n in range(50)])
    while call not in world.ended:
        world.run(until=world.now + 0.1)
    assert len(world.results(later)) <= 2
    world.run()


def test_parking_is_told_to_the_launcher() -> None:
    """Its cpu is free while the container waits, and taken again when it goes on."""
    world = World(totals=ResourceTotals(cpu=4.0, memory=8192))
    world.add("p")
    world.submit("p", [chain(1)])
    world.run()
    assert [park.parked for park in world.said(Park) if park.container == "c1"] == [True, False]


def test_children_that_nobody_waits_for_are_cancelled() -> None:
    """The caller was cancelled: its nested calls end too, and leave the containers (nothing runs that nobody wants)."""
    world = World(totals=ResourceTotals(cpu=4.0, memory=8192))
    world.add("p", scaling=Scaling(window_s=1.0))
    call = world.submit("p", [Program(0, pool="p", children=(Program(1, sleep=100.0),))])
    world.run(until=1)
    world.send(CallCancelled(call))
    world.run()
    assert world.now < 5
    assert world.engine.snapshot().calls == 0


def test_a_detached_child_outlives_its_parent() -> None:
    """A spawned call goes on when the input that made it has ended."""
    world = World(totals=ResourceTotals(cpu=4.0, memory=8192))
    world.add("p")
    call = world.submit("p", [Program(0, sleep=1.0)])
    world.run(until=0.5)
    (box,) = world.containers.values()
    world.open_calls["spawned"] = None
    parent = next(iter(box.running))
    world.send(
        CallSubmitted(
            "spawned", "p", f"container:{box.id}", [Program(7, sleep=3.0)], True, parent=parent, detached=True
        )
    )
    world.run()
    assert world.values(call) == [0]
    assert world.values("spawned") == [7]


def test_a_child_of_an_input_that_has_ended_is_not_run() -> None:
    """A nested call that arrives after its input's end is cancelled at once."""
    world = World(totals=ResourceTotals(cpu=4.0, memory=8192))
    world.add("p")
    world.open_calls["late"] = None
    world.send(CallSubmitted("late", "p", "container:c1", [Program(7)], True, parent=(1 << 40) + 5))
    assert "late" in world.ended


def test_what_was_sent_ahead_of_a_waiting_input_runs_elsewhere() -> None:
    """Inputs behind one that blocks would wait for it, perhaps as its own children: they are taken back."""
    world = World(totals=ResourceTotals(cpu=1.0, memory=8192))
    world.add("p", scaling=Scaling(max_containers=1))
    world.submit("p", [Program(n, sleep=0.00001) for n in range(5000)])
    world.run()
    programs = [
        Program("parent", pool="p", children=(Program("child"),)),
        *(Program(n, sleep=0.0001) for n in range(50)),
    ]
    call = world.submit("p", programs)
    world.run()
    assert len(world.values(call)) == 51
    assert world.now < 5


def test_a_container_woken_for_an_output_it_does_not_wait_for_gives_its_slot_back() -> None:
    """A parent of many children is woken by the first, waits for the last, and does not block the others' slot."""
    world = World(totals=ResourceTotals(cpu=1.0, memory=8192))
    world.add("p", resources=Resources(cpu=1.0), scaling=Scaling(max_containers=1))
    children = tuple(Program(n, sleep=0.1) for n in range(8))
    call = world.submit("p", [Program("parent", pool="p", children=children)])
    world.run()
    assert world.values(call) == ["parent"]
    assert world.now < 5


def test_a_waiting_input_in_a_concurrent_container_leaves_room_for_others() -> None:
    """Only when all of its inputs wait is a container parked."""
    world = World(totals=ResourceTotals(cpu=1.0, memory=8192))
    world.add("p", max_inputs=2, methods={"": MethodPolicy(is_async=True)}, scaling=Scaling(max_containers=1))
    call = world.submit("p", [chain(1), Program("long", sleep=2.0)])
    world.run(until=1.0)
    assert world.said(Park) == []
    world.run()
    assert world.values(call) == [1, "long"]


def test_word_of_a_waiting_input_that_has_ended_changes_nothing() -> None:
    """It came late."""
    world = World()
    world.send(InputWaiting((1 << 40) + 1, True), InputWaiting(0, False))
    assert world.commands == []


programs = st.recursive(
    st.builds(Program, value=st.just(0), sleep=st.sampled_from([0.0, 0.01, 0.1]), fail=st.sampled_from([0, 0, 1])),
    lambda inner: st.builds(
        Program,
        value=st.just(1),
        sleep=st.sampled_from([0.0, 0.01]),
        pool=st.sampled_from(["p", "q", "batched", "gpu"]),
        children=st.lists(inner, min_size=1, max_size=4).map(tuple),
    ),
    max_leaves=12,
)


@given(
    st.lists(st.tuples(st.sampled_from(["p", "q", "batched", "gpu"]), programs), min_size=1, max_size=8),
    st.integers(0, 100),
    st.booleans(),
    st.sampled_from([600, 1000, 100_000]),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([1, 2, None]),
)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_nested_calls_of_several_pools_all_end(
    calls: list[tuple[str, Program]], seed: int, chaos: bool, memory: int, max_inputs: int, most: int | None
) -> None:
    """Trees of calls over pools with their own limits end, whatever crashes; the only refusals are chains that
    cannot fit."""
    totals = ResourceTotals(cpu=1.0, memory=memory, gpus={"H100": 1})
    world = World(totals=totals, seed=seed, odds=CHAOS if chaos else CALM)
    world.add("p", resources=Resources(cpu=0.5), scaling=Scaling(max_containers=most), max_inputs=max_inputs)
    world.add("q", resources=Resources(cpu=1.0, memory=200), scaling=Scaling(max_containers=most))
    batching = {"": MethodPolicy(batching=BatchPolicy(max_size=3, wait_s=0.01))}
    world.add("batched", methods=batching, scaling=Scaling(max_containers=most), max_inputs=max_inputs)
    world.add("gpu", resources=Resources(gpu=GpuRequest((GpuChoice("H100"),))))
    ids = [world.submit(pool, [program]) for pool, program in calls]
    world.run(until=200)
    assert not world.open_calls, world.describe()
    assert all(world.results(call)[0][0] in (OK, ERROR) for call in ids)
    world.send(StopRequested())
    world.run(until=world.now + 30)
    assert world.engine.stopped
    assert not world.containers
