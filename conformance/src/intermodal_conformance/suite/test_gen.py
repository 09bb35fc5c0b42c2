"""gen.*"""

from __future__ import annotations

import queue

import pytest

import intermodal
from intermodal.exception import InvalidError
from intermodal_conformance.apps import calls
from intermodal_conformance.apps.common import Broken
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


def drain(log: intermodal.Queue) -> None:
    """Read until nothing comes for a second; the producer has not ended."""
    while True:
        try:
            assert log.get(timeout=1) != "ended"
        except queue.Empty:
            return


@requirement("gen.stream")
def test_items_come_in_order_and_all_of_them(target: Target) -> None:
    """Few, none, and many more than what may be under way."""
    for n in (0, 1, 1000):
        assert list(calls.count.remote_gen(n)) == list(range(n))


@requirement("gen.stream")
def test_items_come_as_they_are_produced(target: Target) -> None:
    """The producer waits for a word that the reader says when it has the item."""
    with intermodal.Queue.ephemeral() as log:
        got = []
        for item in calls.slowly.remote_gen(log):
            got.append(item)
            log.put("on")
        assert got == [0, 1, 2]


@requirement("gen.stream")
def test_items_before_a_failure_come_first(target: Target) -> None:
    """Then the original exception."""
    got: list[int] = []
    with pytest.raises(Broken) as caught:
        got.extend(calls.count_then_fail.remote_gen(200))
    stream = calls.count_then_fail.remote_gen(3)
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Broken):
        next(stream)
    assert caught.value.code == 200


@requirement("gen.stream")
def test_a_slow_reader_holds_the_producer_back_and_closing_stops_it(target: Target) -> None:
    """An endless generator is a bounded number of items ahead, and ends soon after its reader has gone."""
    with intermodal.Queue.ephemeral() as log:
        stream = calls.endless.remote_gen(log)
        assert [next(stream) for _ in range(10)] == list(range(10))
        drain(log)
        assert next(stream) == 10
        stream.close()  # type: ignore[attr-defined]
        last = None
        while last != "ended":
            last = log.get(timeout=30)


@requirement("gen.stream")
def test_other_calls_of_a_generator_are_refused(target: Target) -> None:
    """With the way that works."""
    for refused in (calls.count.remote, calls.count.spawn, calls.count.for_each, calls.count.spawn_map):
        with pytest.raises(InvalidError, match="remote_gen"):
            refused(3)
    with pytest.raises(InvalidError, match="remote_gen"):
        calls.count.map([3])
    with pytest.raises(InvalidError):
        list(calls.echo.remote_gen(3))
