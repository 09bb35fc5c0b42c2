"""Nested calls: parking, priority, chains that cannot fit, children that nobody waits for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intermodal.engine.commands import Launch, Park
from intermodal.engine.events import CallCancelled, CallSubmitted, InputWaiting, MethodPolicy, StopRequested
from intermodal.specs import BatchPolicy, GpuChoice, GpuRequest, Resources, ResourceTotals, Scaling
from intermodal.specs.status import ERROR, OK

from .fleet import Fleet, Program


def chain(depth: int, pool: str = "p", sleep: float = 0.01) -> Program:
    """A program that calls itself to this depth."""
    children = (chain(depth - 1, pool, sleep),) if depth else ()
    return Program(depth, sleep=sleep, pool=pool, children=children)


@pytest.mark.parametrize("cpu", [0.5, 1.0])
def test_recursion_with_one_container_and_one_core_ends(cpu: float) -> None:
    """A waiting container counts neither against `max_containers` nor for cpu (call.nested)."""
    fleet = Fleet(totals=ResourceTotals(cpu=1.0, memory=8192))
    fleet.add("p", resources=Resources(cpu=cpu), scaling=Scaling(max_containers=1))
    call = fleet.submit("p", [chain(12)])
    fleet.run()
    assert fleet.values(call) == [12]
    assert len(fleet.said(Launch)) == 13


def test_a_chain_that_holds_what_it_needs_fails_at_once_by_name() -> None:
    """Ancestors hold the memory: the child fails typed, and the message has the chain."""
    fleet = Fleet(totals=ResourceTotals(cpu=8, memory=1000))
    fleet.add("outer", resources=Resources(memory=600))
    fleet.add("inner", resources=Resources(memory=500))
    refusals: list[Any] = []
    deliver = fleet._deliver

    def watch(command: Any) -> None:
        refusals.extend(payload for payload in command.payloads if not isinstance(payload, str))
        deliver(command)

    fleet._deliver = watch  # type: ignore[method-assign]
    call = fleet.submit("outer", [Program("outer", pool="inner", children=(Program("inner"),))])
    fleet.run()
    assert fleet.values(call) == ["outer"]
    (failure,) = refusals
    assert failure.error == "ResourceExhaustedError"
    assert "outer → inner" in failure.message
    assert fleet.now < 0.5


def test_a_gpu_held_by_the_caller_fails_the_nested_call_at_once() -> None:
    """The same for devices."""
    fleet = Fleet(totals=ResourceTotals(gpus={"H100": 1}))
    request = Resources(gpu=GpuRequest((GpuChoice("H100"),)))
    fleet.add("outer", resources=request)
    fleet.add("inner", resources=request)
    call = fleet.submit("outer", [Program("outer", pool="inner", children=(Program("inner"),))])
    fleet.run()
    assert fleet.values(call) == ["outer"]
    assert "inner" not in fleet.ran


def test_a_nested_call_ends_when_its_containers_cannot_start_while_its_callers_wait() -> None:
    """Containers that wait for it serve nobody: they do not make a start that always fails worth more tries."""
    fleet = Fleet()
    fleet.add("p")
    plans = iter([None, None])
    fleet.launch_plan = lambda launch: next(plans, "die")
    call = fleet.submit("p", [chain(4)])
    fleet.run()
    assert fleet.values(call) == [4]
    assert len(fleet.said(Launch)) == 5


def test_memory_held_by_others_is_freed_by_evicting_them() -> None:
    """Trees side by side that together fill the memory do not block each other for ever."""
    fleet = Fleet(totals=ResourceTotals(cpu=64, memory=128 * 6))
    fleet.add("p", resources=Resources(cpu=0.1))
    call = fleet.submit("p", [chain(4) for _ in range(12)])
    fleet.run()
    assert fleet.values(call) == [4] * 12


def test_a_nested_result_goes_ahead_of_new_inputs() -> None:
    """The waiting container gets the slot before inputs that came later."""
    fleet = Fleet(totals=ResourceTotals(cpu=1.0, memory=8192))
    fleet.add("p", resources=Resources(cpu=1.0), scaling=Scaling(max_containers=1))
    call = fleet.submit("p", [chain(1, sleep=0.2)])
    fleet.run(until=0.1)
    later = fleet.submit("p", [Program(n, sleep=0.2) for n in range(50)])
    while call not in fleet.ended:
        fleet.run(until=fleet.now + 0.1)
    assert len(fleet.results(later)) <= 2
    fleet.run()


def test_parking_is_told_to_the_launcher() -> None:
    """Its cpu is free while the container waits, and taken again when it goes on."""
    fleet = Fleet(totals=ResourceTotals(cpu=4.0, memory=8192))
    fleet.add("p")
    fleet.submit("p", [chain(1)])
    fleet.run()
    assert [park.parked for park in fleet.said(Park) if park.container == "c1"] == [True, False]


def test_children_that_nobody_waits_for_are_cancelled() -> None:
    """The caller was cancelled: its nested calls end too, and leave the containers (nothing runs that nobody wants)."""
    fleet = Fleet(totals=ResourceTotals(cpu=4.0, memory=8192))
    fleet.add("p", scaling=Scaling(window_s=1.0))
    call = fleet.submit("p", [Program(0, pool="p", children=(Program(1, sleep=100.0),))])
    fleet.run(until=1)
    fleet.send(CallCancelled(call))
    fleet.run()
    assert fleet.now < 5
    assert fleet.engine.snapshot().calls == 0


def test_a_detached_child_outlives_its_parent() -> None:
    """A spawned call goes on when the input that made it has ended."""
    fleet = Fleet(totals=ResourceTotals(cpu=4.0, memory=8192))
    fleet.add("p")
    call = fleet.submit("p", [Program(0, sleep=1.0)])
    fleet.run(until=0.5)
    (box,) = fleet.boxes.values()
    fleet.outputs["spawned"] = []
    parent = next(iter(box.running))
    fleet.send(
        CallSubmitted(
            "spawned", "p", f"container:{box.id}", [Program(7, sleep=3.0)], True, parent=parent, detached=True
        )
    )
    fleet.run()
    assert fleet.values(call) == [0]
    assert fleet.values("spawned") == [7]


def test_a_child_of_an_input_that_has_ended_is_not_run() -> None:
    """A nested call that arrives after its input's end is cancelled at once."""
    fleet = Fleet(totals=ResourceTotals(cpu=4.0, memory=8192))
    fleet.add("p")
    fleet.outputs["late"] = []
    fleet.send(CallSubmitted("late", "p", "container:c1", [Program(7)], True, parent=(1 << 40) + 5))
    assert "late" in fleet.ended


def test_what_was_sent_ahead_of_a_waiting_input_runs_elsewhere() -> None:
    """Inputs behind one that blocks would wait for it, perhaps as its own children: they are taken back."""
    fleet = Fleet(totals=ResourceTotals(cpu=1.0, memory=8192))
    fleet.add("p", scaling=Scaling(max_containers=1))
    fleet.submit("p", [Program(n, sleep=0.00001) for n in range(5000)])
    fleet.run()
    programs = [
        Program("parent", pool="p", children=(Program("child"),)),
        *(Program(n, sleep=0.0001) for n in range(50)),
    ]
    call = fleet.submit("p", programs)
    fleet.run()
    assert len(fleet.values(call)) == 51
    assert fleet.now < 5


def test_a_container_woken_for_an_output_it_does_not_wait_for_gives_its_slot_back() -> None:
    """A parent of many children is woken by the first, waits for the last, and does not block the others' slot."""
    fleet = Fleet(totals=ResourceTotals(cpu=1.0, memory=8192))
    fleet.add("p", resources=Resources(cpu=1.0), scaling=Scaling(max_containers=1))
    children = tuple(Program(n, sleep=0.1) for n in range(8))
    call = fleet.submit("p", [Program("parent", pool="p", children=children)])
    fleet.run()
    assert fleet.values(call) == ["parent"]
    assert fleet.now < 5


def test_a_waiting_input_in_a_concurrent_container_leaves_room_for_others() -> None:
    """Only when all of its inputs wait is a container parked."""
    fleet = Fleet(totals=ResourceTotals(cpu=1.0, memory=8192))
    fleet.add("p", max_inputs=2, methods={"": MethodPolicy(is_async=True)}, scaling=Scaling(max_containers=1))
    call = fleet.submit("p", [chain(1), Program("long", sleep=2.0)])
    fleet.run(until=1.0)
    assert fleet.said(Park) == []
    fleet.run()
    assert fleet.values(call) == [1, "long"]


def test_word_of_a_waiting_input_that_has_ended_changes_nothing() -> None:
    """It came late."""
    fleet = Fleet()
    fleet.send(InputWaiting((1 << 40) + 1, True), InputWaiting(0, False))
    assert fleet.commands == []


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
    fleet = Fleet(totals=totals, seed=seed, chaos=chaos)
    fleet.add("p", resources=Resources(cpu=0.5), scaling=Scaling(max_containers=most), max_inputs=max_inputs)
    fleet.add("q", resources=Resources(cpu=1.0, memory=200), scaling=Scaling(max_containers=most))
    batching = {"": MethodPolicy(batching=BatchPolicy(max_size=3, wait_s=0.01))}
    fleet.add("batched", methods=batching, scaling=Scaling(max_containers=most), max_inputs=max_inputs)
    fleet.add("gpu", resources=Resources(gpu=GpuRequest((GpuChoice("H100"),))))
    ids = [fleet.submit(pool, [program]) for pool, program in calls]
    fleet.run(until=200)
    assert not fleet.open_calls, fleet.describe()
    assert all(fleet.results(call)[0][0] in (OK, ERROR) for call in ids)
    fleet.send(StopRequested())
    fleet.run(until=fleet.now + 30)
    assert fleet.engine.stopped
    assert not fleet.boxes
