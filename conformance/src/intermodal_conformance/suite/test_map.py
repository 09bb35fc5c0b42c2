"""map.*"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import intermodal
from intermodal.exception import InvalidError
from intermodal_conformance.apps import calls, scaling
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
    """The first to arrive counts, also with ordered output: the second input fails while the first still waits."""
    with intermodal.Dict.ephemeral() as log:
        results = calls.fail_or_wait.map([log] * 2, [2, 1])
        with pytest.raises(Broken) as caught:
            next(results)
        assert caught.value.code == 1
        log["on"] = True


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


@requirement("map.lazy")
def test_nothing_starts_before_the_first_iteration(target: Target) -> None:
    """Not even reading the inputs; `for_each` and `spawn_map` start at once."""
    taken: list[int] = []

    def inputs() -> Iterator[int]:
        for n in range(3):
            taken.append(n)
            yield n

    stream = calls.echo.map(inputs())
    assert taken == []
    assert list(stream) == taken == [0, 1, 2]
    with intermodal.Dict.ephemeral() as log:
        calls.note.for_each([log] * 2, [0, 2])
        assert sorted(log.keys()) == [0, 2]
        assert calls.note.spawn_map([log], [4]).get_all(timeout=60) == [4]


@requirement("map.lazy")
def test_an_endless_input_is_read_with_bounded_look_ahead(target: Target) -> None:
    """Where nobody takes results, the reading of inputs comes to rest."""
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            yield taken
            taken += 1

    stream = calls.echo.map(endless())
    for n in range(2000):
        assert next(stream) == n
    before = -1
    while before < taken:
        before = taken
        assert taken < 50_000
        time.sleep(0.5)
    stream.close()  # type: ignore[attr-defined]


@requirement("map.lazy")
def test_several_iterables_end_with_the_shortest(target: Target) -> None:
    """As `zip` does, and as a map does that takes lists, async ones too."""
    assert list(calls.add.map([1, 2, 3], [10, 20], itertools.count(100, 100))) == [111, 222]

    async def numbers() -> AsyncIterator[int]:
        for n in (1, 2):
            yield n

    async def mixed() -> list[int]:
        return [x async for x in calls.add.map.aio(numbers(), [10, 20, 30])]

    assert asyncio.run(mixed()) == [11, 22]


@requirement("map.input-iterator")
def test_an_error_of_the_callers_iterator_reaches_the_caller(target: Target) -> None:
    """As it is, through sync and async maps."""

    def inputs() -> Iterator[int]:
        yield 1
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(calls.echo.map(inputs()))
    with pytest.raises(KeyError, match="mine"):
        calls.echo.for_each(inputs())


@requirement("map.input-iterator")
def test_a_sync_map_inside_a_running_loop_names_the_async_one(target: Target) -> None:
    """`InvalidError`; the loop would stand still."""

    async def inside() -> None:
        list(calls.echo.map([1]))

    with pytest.raises(InvalidError, match=r"map\.aio"):
        asyncio.run(inside())
    assert calls.echo.remote(1) == 1


@requirement("map.kwargs")
def test_keywords_go_to_every_input_and_starmap_unpacks(target: Target) -> None:
    """Beside what the iterables give."""
    assert list(calls.add.map([1, 2], kwargs={"z": 100})) == [101, 102]
    assert list(calls.add.starmap([(1, 2), (3, 4, 5)])) == [3, 12]
    assert list(calls.add.starmap([(1,), (2, 3)], kwargs={"z": 10})) == [11, 15]


@requirement("map.fair")
def test_a_short_map_is_not_starved_by_a_long_one(target: Target) -> None:
    """Both share two containers; the later, short one ends while much of the long one is still to come."""
    long = scaling.span_of_two.map([0.05] * 80)
    first = next(long)
    short = list(scaling.span_of_two.map([0.0] * 4))
    spans = [first, *long]
    through = max(ended for _, _, ended in short)
    assert sum(began > through for _, began, _ in spans) >= 4
    assert len(spans) == 80
