"""batch.*"""

from __future__ import annotations

import time

import pytest

import intermodal
from intermodal.exception import InvalidError, SerializationError
from intermodal_conformance.apps import batching
from intermodal_conformance.apps.common import Broken
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target

#: Seconds that a batch may come late on a busy machine, at the best of a few tries.
LATE_S, TRIES = 3.0, 3


@requirement("batch.form")
def test_batches_are_full_in_order_and_never_larger(target: Target) -> None:
    """Each caller gets its own element; a batch holds its inputs in order of arrival."""
    found = list(batching.soon.map(range(21)))
    assert [x for x, _, _ in found] == list(range(21))
    batches = {batch for _, batch, _ in found}
    assert all(x in batch for x, batch, _ in found)
    assert all(1 <= len(batch) <= 4 and list(batch) == sorted(batch) for batch in batches)
    assert sorted(x for batch in batches for x in batch) == list(range(21))
    assert max(map(len, batches)) == 4


@requirement("batch.form")
def test_a_full_batch_does_not_wait(target: Target) -> None:
    """Three inputs close a batch of three, though it could wait for two minutes."""
    calls = [batching.when_full.spawn(x) for x in range(3)]
    found = [call.get(timeout=60) for call in calls]
    assert [batch for _, batch, _ in found] == [(0, 1, 2)] * 3


@requirement("batch.form")
def test_a_lone_input_waits_for_company_and_not_longer(target: Target) -> None:
    """At least its `wait_ms`, and not much more."""
    batching.soon.remote(0)
    waited: list[float] = []
    while not waited or (min(waited) > 0.3 + LATE_S and len(waited) < TRIES):
        sent = time.time()
        _, batch, began = batching.soon.remote(1)
        assert batch == (1,)
        assert began - sent >= 0.25
        waited.append(began - sent)
    assert min(waited) <= 0.3 + LATE_S


@requirement("batch.form")
def test_every_argument_arrives_as_a_list(target: Target) -> None:
    """By place and by name."""
    assert list(batching.pairs.map(range(5), range(10, 15))) == [(x, x + 10, True) for x in range(5)]
    assert batching.pairs.remote(1, ys=2) == (1, 2, True)


@requirement("batch.form")
def test_methods_are_batched_too(target: Target) -> None:
    """And see their object."""
    found = list(batching.Batcher().times_ten.map(range(4)))
    assert [value for value, _ in found] == [0, 10, 20, 30]
    assert max(size for _, size in found) > 1


@requirement("batch.errors")
@pytest.mark.parametrize("how", ["short", "long", "tuple"])
def test_a_result_that_does_not_fit_fails_every_input_of_its_batch(target: Target, how: str) -> None:
    """With words about lists and lengths; the next batch works."""
    values = list(batching.wrong.map([how] * 4, return_exceptions=True))
    assert all(isinstance(value, Exception) for value in values)
    assert all("list" in str(value) for value in values)
    assert batching.wrong.remote("fine") == "fine"


@requirement("batch.errors")
def test_an_element_that_cannot_be_sent_fails_alone(target: Target) -> None:
    """Its neighbours get theirs."""
    values = list(batching.wrong.map(["keep", "unpicklable", "keep"], return_exceptions=True))
    assert values[::2] == ["keep", "keep"]
    assert isinstance(values[1], SerializationError)


@requirement("batch.errors")
def test_an_exception_fails_the_whole_batch(target: Target) -> None:
    """Every input of it, with the original type."""
    values = list(batching.wrong.map(["raise"] * 4, return_exceptions=True))
    assert [type(value) for value in values] == [Broken] * 4


@requirement("batch.errors")
def test_retries_run_the_inputs_of_a_failed_batch_singly(target: Target) -> None:
    """So only the one that makes it fail fails."""
    values = list(batching.retried_batch.map([1, -1, 2, 3], return_exceptions=True))
    assert [value[:2] for value in (values[0], *values[2:])] == [(1, (1,)), (2, (2,)), (3, (3,))]
    assert isinstance(values[1], Broken)
    assert values[1].code == 1


@requirement("batch.errors")
def test_a_cancelled_input_leaves_before_its_batch_begins(target: Target) -> None:
    """The batch is full when three others are there."""
    cancelled = batching.when_full.spawn(-1)
    time.sleep(0.1)
    cancelled.cancel()
    with pytest.raises(intermodal.exception.InputCancelledError):
        cancelled.get(timeout=30)
    calls = [batching.when_full.spawn(x) for x in range(3)]
    assert [call.get(timeout=60)[1] for call in calls] == [(0, 1, 2)] * 3


@requirement("batch.errors")
def test_defaults_and_generators_are_refused_at_definition(target: Target) -> None:
    """With the reason."""

    def with_default(x: int = 1) -> list[int]:
        return [x]

    def generator(x: int) -> object:
        yield x

    for function, words in ((with_default, "default"), (generator, "generator")):
        with pytest.raises(InvalidError, match=words):
            intermodal.batched(max_batch_size=2, wait_ms=10)(function)
    for size, wait in ((0, 10), (1001, 10), (2, 600_001)):
        with pytest.raises(InvalidError):
            intermodal.batched(max_batch_size=size, wait_ms=wait)
