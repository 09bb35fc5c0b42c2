"""Batches: how they form, and what happens to their inputs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from simulator import Program, World

from intermodal.engine.commands import Dispatch
from intermodal.engine.events import InputsAdded, InputsCancelled, MethodPolicy
from intermodal.specs import BatchPolicy, ResourceTotals, RetryPolicy, Scaling
from intermodal.specs.status import CANCELLED, ERROR, OK


def batched(size: int, wait_s: float, retries: RetryPolicy | None = None, **options: object) -> World:
    """A world with a warm pool "p" whose method is batched."""
    world = World(totals=ResourceTotals(cpu=4, memory=8192))
    options.setdefault("scaling", Scaling(min_containers=1, max_containers=1))
    world.add(
        "p", methods={"": MethodPolicy(batching=BatchPolicy(max_size=size, wait_s=wait_s), retries=retries)}, **options
    )
    world.run(until=1)
    return world


def sizes(world: World) -> list[int]:
    """Sizes of the batches that were dispatched."""
    return [len(dispatch.inputs) for dispatch in world.said(Dispatch)]


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 7)), min_size=1, max_size=12), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_batches_keep_size_wait_and_order(arrivals: list[tuple[float, int]], size: int) -> None:
    """1 to `max_size` in order of arrival; none smaller goes before its oldest waited, nor later than that
    (batch.form)."""
    world = batched(size, 0.2, scaling=Scaling(min_containers=20, max_containers=20))
    call = world.submit("p", [], closed=False)
    arrived: list[float] = []

    def arrive(count: int) -> None:
        programs = [Program(len(arrived) + n, sleep=0.0) for n in range(count)]
        arrived.extend([world.now] * count)
        world.send(InputsAdded(call, programs, False))

    for delay, count in arrivals:
        world.after(delay, arrive, count)
    world.run(until=5)
    world.send(InputsAdded(call, [], True))
    world.run()
    seen: list[int] = []
    for when, dispatch in world.commands:
        if isinstance(dispatch, Dispatch):
            indices = [item.index for item in dispatch.inputs]
            seen += indices
            assert dispatch.batch
            assert 1 <= len(indices) <= size
            age = when - arrived[indices[0]]
            assert age <= 0.2 + 1e-9
            assert len(indices) == size or age >= 0.2 - 1e-9
    assert seen == list(range(len(arrived)))
    assert world.values(call) == seen


def test_one_batch_at_a_time_unless_concurrent() -> None:
    """A batch takes one slot: `max_inputs` batches run at once in a container."""
    for most in (1, 3):
        world = batched(4, 0.0, max_inputs=most)
        world.submit("p", [Program(n, sleep=1.0) for n in range(40)])
        world.run(until=1.5)
        assert sizes(world) == [4] * most
        world.run()


def test_a_failed_batch_is_retried_input_by_input() -> None:
    """Retries run alone, so that one bad element does not fail the others again (batch.errors)."""
    world = batched(3, 0.01, RetryPolicy(max_retries=1, initial_delay=0.1))
    call = world.submit("p", [Program(0, fail=1), Program(1, fail=1), Program(2, fail=9)])
    world.run()
    assert sizes(world) == [3, 1, 1, 1]
    assert [world.results(call)[index][0] for index in range(3)] == [OK, OK, ERROR]
    assert all(dispatch.batch for dispatch in world.said(Dispatch))


def test_a_cancelled_input_leaves_before_its_batch_goes() -> None:
    """It does not count for the size either, and the age is that of the oldest left."""
    world = batched(3, 1.0)
    call = world.submit("p", [Program(n) for n in range(2)])
    world.run(until=1.5)
    world.send(InputsCancelled(call, [0]))
    more = world.submit("p", [Program(n) for n in range(2)])
    world.run()
    assert sizes(world) == [3]
    assert world.results(call)[0][0] == CANCELLED
    assert world.values(more) == [0, 1]


def test_a_running_batch_is_interrupted_only_when_nobody_waits_for_any_of_it() -> None:
    """A cancelled input of a running batch is over for its caller; the others get their elements."""
    world = batched(2, 0.0)
    call = world.submit("p", [Program(n, sleep=2.0) for n in range(2)])
    world.run(until=1.5)
    world.send(InputsCancelled(call, [0]))
    world.run()
    assert world.results(call)[0][0] == CANCELLED
    assert world.results(call)[1] == (OK, 1)
    both = world.submit("p", [Program(n, sleep=100.0) for n in range(2)])
    world.run(until=world.now + 1)
    world.send(InputsCancelled(both, [0, 1]))
    after = world.submit("p", [Program(7)])
    world.run()
    assert world.values(after) == [7]
    assert world.now < 20


def test_a_due_batch_grows_while_no_container_is_free() -> None:
    """Inputs that arrive while everything is busy fill the batches that wait."""
    world = batched(5, 0.01)
    world.submit("p", [Program(n, sleep=1.0) for n in range(5)])
    world.run(until=1.1)
    for n in range(5):
        world.submit("p", [Program(n)])
        world.run(until=world.now + 0.05)
    world.run()
    assert sizes(world) == [5, 5]


def test_batched_and_plain_methods_share_a_pool() -> None:
    """A class may have both; neither runs beside the other in a container of one input at a time."""
    world = World(totals=ResourceTotals(cpu=1, memory=8192))
    methods = {"b": MethodPolicy(batching=BatchPolicy(max_size=3, wait_s=0.01)), "m": MethodPolicy()}
    world.add("p", methods=methods, scaling=Scaling(max_containers=1))
    plain = world.submit("p", [Program(n) for n in range(20)], method="m")
    batch = world.submit("p", [Program(n) for n in range(20)], method="b")
    world.run()
    assert world.values(plain) == world.values(batch) == list(range(20))
