"""map.*"""

from __future__ import annotations

import time
from typing import Any

import pytest

import intermodal
from intermodal_conformance.apps import calls
from intermodal_conformance.apps.common import Broken
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


@requirement("map.order")
def test_results_come_in_the_order_of_the_inputs(target: Target) -> None:
    """Also of many, and where the first takes longest."""
    assert list(calls.echo.map(range(2000))) == list(range(2000))
    found = [x for x, _, _ in calls.swap.map(range(6), [0.5, 0.1, 0.0, 0.2, 0.0, 0.0])]
    assert found == list(range(6))
    assert list(calls.echo.map([])) == []


@requirement("map.order")
def test_without_order_every_result_comes_once(target: Target) -> None:
    """Each input's value exactly once."""
    assert sorted(calls.echo.map(range(500), order_outputs=False)) == list(range(500))


@requirement("map.errors")
def test_the_first_failure_is_raised_and_nothing_else_is_cancelled(target: Target) -> None:
    """All other inputs still run to their end."""
    with intermodal.Dict.ephemeral() as log:
        with pytest.raises(Broken):
            list(calls.note.map([log] * 8, range(8)))
        deadline = time.monotonic() + 60
        while len(log) < 8 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert sorted(log.keys()) == list(range(8))


@requirement("map.errors")
def test_failures_are_raised_before_earlier_slow_inputs_are_done(target: Target) -> None:
    """The first to arrive counts, also with ordered output: the second input fails while the first still sleeps."""
    with intermodal.Dict.ephemeral() as log:
        with pytest.raises(Broken) as caught:
            list(calls.note.map([log] * 2, [100, 1]))
        assert caught.value.code == 1
        assert 100 not in log


@requirement("map.errors")
def test_exceptions_can_be_had_in_place(target: Target) -> None:
    """With their types and state."""
    values: list[Any] = list(calls.fail_if_odd.map(range(6), return_exceptions=True))
    assert values[::2] == [0, 2, 4]
    assert [(type(value), value.code) for value in values[1::2]] == [(Broken, n) for n in (1, 3, 5)]


@requirement("map.errors")
def test_what_is_no_exception_is_raised_nevertheless(target: Target) -> None:
    """`SystemExit` is no `Exception`."""
    with pytest.raises(SystemExit):
        list(calls.leave.map([1], return_exceptions=True))
