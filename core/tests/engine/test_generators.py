"""Generators: items in order, credit, ends."""

from __future__ import annotations

from simulator import Program, World

from intermodal.engine.commands import CancelAttempts, GrantCredit
from intermodal.engine.events import CallCancelled, CreditGranted, MethodPolicy
from intermodal.specs import ResourceTotals, RetryPolicy
from intermodal.specs.status import ERROR, GENERATOR_END, ITEM


def streaming() -> World:
    """A world with a generator pool "g". It has retries, which must not be used."""
    world = World(totals=ResourceTotals(cpu=4, memory=8192))
    world.add("g", methods={"": MethodPolicy(is_generator=True, retries=RetryPolicy(max_retries=3))})
    return world


def items(world: World, call: str) -> list[object]:
    """What was yielded so far."""
    return [payload for _, status, payload in world.outputs[call] if status == ITEM]


def test_items_arrive_in_order_and_then_the_end() -> None:
    """Every yield is delivered, then the end (gen.stream)."""
    world = streaming()
    call = world.submit("g", [Program("done", items=20)])
    world.run()
    assert items(world, call) == list(range(1, 21))
    assert world.outputs[call][-1] == (0, GENERATOR_END, "done")
    assert world.engine.counters.succeeded == 1


def test_the_producer_waits_for_credit() -> None:
    """No more items than the reader allowed (backpressure, fault 17)."""
    world = streaming()
    call = world.submit("g", [Program("done", items=20)], credit=3)
    world.run(until=5)
    assert len(items(world, call)) == 3
    world.send(CreditGranted(call, 4))
    world.run(until=10)
    assert len(items(world, call)) == 7
    world.send(CreditGranted(call, 100))
    world.run()
    assert len(items(world, call)) == 20


def test_credit_given_before_the_start_counts() -> None:
    """Grants that come while the input waits are passed on when it starts."""
    world = streaming()
    call = world.submit("g", [Program("done", items=5)], credit=2)
    world.send(CreditGranted(call, 3))
    world.run()
    assert [grant.items for grant in world.said(GrantCredit)] == [5]
    assert len(items(world, call)) == 5


def test_an_error_comes_after_the_items_before_it_and_is_not_retried() -> None:
    """What was yielded stays; there is no second try of a stream."""
    world = streaming()
    call = world.submit("g", [Program("x", items=3, fail=1)])
    world.run()
    assert items(world, call) == [1, 2, 3]
    assert world.outputs[call][-1] == (0, ERROR, "error 1")


def test_closing_stops_the_producer() -> None:
    """A reader that leaves cancels the call; the attempt is interrupted."""
    world = streaming()
    call = world.submit("g", [Program("x", items=1000, sleep=0.1)])
    world.run(until=2)
    world.send(CallCancelled(call))
    world.run()
    assert len(world.said(CancelAttempts)) == 1
    assert world.now < 3
    assert 10 < len(items(world, call)) < 25


def test_a_stream_whose_container_dies_ends_with_a_typed_error() -> None:
    """Items were delivered already, so it is not run again."""
    world = streaming()
    call = world.submit("g", [Program("x", items=3, crash=1)])
    world.run()
    assert world.outputs[call][-1][1] == ERROR
    assert world.outputs[call][-1][2].error == "ContainerLostError"
