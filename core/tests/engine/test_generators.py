"""Generators: items in order, credit, ends."""

from __future__ import annotations

from intermodal.engine.commands import CancelAttempts, GrantCredit
from intermodal.engine.events import CallCancelled, CreditGranted, MethodPolicy
from intermodal.specs import ResourceTotals, RetryPolicy
from intermodal.specs.status import ERROR, GENERATOR_END, ITEM

from .fleet import Fleet, Program


def streaming() -> Fleet:
    """A fleet with a generator pool "g". It has retries, which must not be used."""
    fleet = Fleet(totals=ResourceTotals(cpu=4, memory=8192))
    fleet.add("g", methods={"": MethodPolicy(is_generator=True, retries=RetryPolicy(max_retries=3))})
    return fleet


def items(fleet: Fleet, call: str) -> list[object]:
    """What was yielded so far."""
    return [payload for _, status, payload in fleet.outputs[call] if status == ITEM]


def test_items_arrive_in_order_and_then_the_end() -> None:
    """Every yield is delivered, then the end (gen.stream)."""
    fleet = streaming()
    call = fleet.submit("g", [Program("done", items=20)])
    fleet.run()
    assert items(fleet, call) == list(range(1, 21))
    assert fleet.outputs[call][-1] == (0, GENERATOR_END, "done")
    assert fleet.engine.counters.succeeded == 1


def test_the_producer_waits_for_credit() -> None:
    """No more items than the reader allowed (backpressure, fault 17)."""
    fleet = streaming()
    call = fleet.submit("g", [Program("done", items=20)], credit=3)
    fleet.run(until=5)
    assert len(items(fleet, call)) == 3
    fleet.send(CreditGranted(call, 4))
    fleet.run(until=10)
    assert len(items(fleet, call)) == 7
    fleet.send(CreditGranted(call, 100))
    fleet.run()
    assert len(items(fleet, call)) == 20


def test_credit_given_before_the_start_counts() -> None:
    """Grants that come while the input waits are passed on when it starts."""
    fleet = streaming()
    call = fleet.submit("g", [Program("done", items=5)], credit=2)
    fleet.send(CreditGranted(call, 3))
    fleet.run()
    assert [grant.items for grant in fleet.said(GrantCredit)] == [5]
    assert len(items(fleet, call)) == 5


def test_an_error_comes_after_the_items_before_it_and_is_not_retried() -> None:
    """What was yielded stays; there is no second try of a stream."""
    fleet = streaming()
    call = fleet.submit("g", [Program("x", items=3, fail=1)])
    fleet.run()
    assert items(fleet, call) == [1, 2, 3]
    assert fleet.outputs[call][-1] == (0, ERROR, "error 1")


def test_closing_stops_the_producer() -> None:
    """A reader that leaves cancels the call; the attempt is interrupted."""
    fleet = streaming()
    call = fleet.submit("g", [Program("x", items=1000, sleep=0.1)])
    fleet.run(until=2)
    fleet.send(CallCancelled(call))
    fleet.run()
    assert len(fleet.said(CancelAttempts)) == 1
    assert fleet.now < 3
    assert 10 < len(items(fleet, call)) < 25


def test_a_stream_whose_container_dies_ends_with_a_typed_error() -> None:
    """Items were delivered already, so it is not run again."""
    fleet = streaming()
    call = fleet.submit("g", [Program("x", items=3, crash=1)])
    fleet.run()
    assert fleet.outputs[call][-1][1] == ERROR
    assert fleet.outputs[call][-1][2].error == "ContainerLostError"
