"""retry.*"""

from __future__ import annotations

import queue
from typing import Any

import pytest

import intermodal
from intermodal.exception import ContainerLostError, FunctionTimeoutError, InputCancelledError, InvalidError
from intermodal_conformance.apps import retrying
from intermodal_conformance.apps.common import Broken
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


def attempts(log: intermodal.Queue) -> list[int]:
    """The attempts that began, as they counted themselves."""
    return [attempt for attempt, _, _ in log.iterate()]


@requirement("retry.policy")
def test_a_failing_input_is_tried_again_so_often_and_no_more(target: Target) -> None:
    """Three tries for `max_retries=2`, each knowing its number; then the last error."""
    with intermodal.Queue.ephemeral() as log:
        with pytest.raises(Broken) as caught:
            retrying.retried.remote(log, ["raise"])
        assert caught.value.code == 3
        assert attempts(log) == [1, 2, 3]
        assert len({name for _, _, name in log.iterate()}) == 1


@requirement("retry.policy")
def test_no_retry_after_a_success_or_without_a_policy(target: Target) -> None:
    """The value of the try that worked; and one try only by default."""
    with intermodal.Queue.ephemeral() as log:
        assert retrying.retried.remote(log, ["raise", "ok"]) == 2
        assert attempts(log) == [1, 2]
    with intermodal.Queue.ephemeral() as log:
        with pytest.raises(Broken):
            retrying.never.remote(log, ["raise", "ok"])
        assert attempts(log) == [1]


@requirement("retry.policy")
def test_tries_are_spaced_by_the_policy(target: Target) -> None:
    """At least the delay, growing by its coefficient; a number means one second."""
    with intermodal.Queue.ephemeral() as log, intermodal.Queue.ephemeral() as other:
        second = retrying.once_more.spawn(other, ["raise", "ok"])
        with pytest.raises(Broken):
            retrying.spaced.remote(log, ["raise"])
        assert second.get(timeout=60) == 2
        first, then, last = (at for _, at, _ in log.iterate())
        assert then - first >= 0.29
        assert last - then >= 0.59
        before, after = (at for _, at, _ in other.iterate())
        assert after - before >= 0.99


@requirement("retry.policy")
def test_timeouts_use_retries_up(target: Target) -> None:
    """A try that is too slow counts like one that failed."""
    with intermodal.Queue.ephemeral() as log:
        with pytest.raises(FunctionTimeoutError):
            retrying.retried_in_time.remote(log, ["sleep", "raise", "sleep"])
        assert attempts(log) == [1, 2, 3]


@requirement("retry.policy")
def test_a_lost_container_uses_no_retries_up(target: Target) -> None:
    """An input without retries runs again when its container was killed, and one with a retry still has it."""
    with intermodal.Queue.ephemeral() as log:
        assert retrying.never.remote(log, ["kill", "ok"]) == 2
    with intermodal.Queue.ephemeral() as log:
        assert retrying.once_more.remote(log, ["kill", "raise", "ok"]) == 3
    with intermodal.Queue.ephemeral() as log, pytest.raises(Broken):
        retrying.once_more.remote(log, ["raise", "kill", "raise", "ok"])


@requirement("retry.policy")
def test_cancellation_is_never_retried(target: Target) -> None:
    """One try began, and no other follows."""
    with intermodal.Queue.ephemeral() as log:
        call = retrying.retried.spawn(log, ["sleep"])
        assert log.get(timeout=60)[0] == 1
        call.cancel()
        with pytest.raises(InputCancelledError):
            call.get(timeout=30)
        with pytest.raises(queue.Empty):
            log.get(timeout=0.5)


@requirement("retry.policy")
def test_retries_are_counted_for_each_input(target: Target) -> None:
    """Every input of a map may fail once."""
    with intermodal.Dict.ephemeral() as log:
        assert list(retrying.once_each.map([log] * 6, range(6))) == [(x, 2) for x in range(6)]


@requirement("retry.policy")
def test_a_late_result_of_an_earlier_try_does_not_count(target: Target) -> None:
    """A try that timed out and returns nevertheless is not the result."""
    with intermodal.Queue.ephemeral() as log, intermodal.Queue.ephemeral() as returning:
        assert retrying.stubborn.remote(log, returning) == "in time"
        assert attempts(log) == [1, 2]


@requirement("retry.policy")
def test_generators_refuse_retries(target: Target) -> None:
    """At definition."""

    def items() -> object:
        yield 1

    with pytest.raises(InvalidError, match="generator"):
        intermodal.App("refused").function(retries=1, serialized=True)(items)


@requirement("retry.poison")
def test_an_input_that_kills_its_container_ends_after_a_bounded_number_of_tries(target: Target) -> None:
    """In a typed error, while the other inputs have their values."""
    values: list[Any] = list(retrying.poison.map([1, -1, 2, 3], return_exceptions=True))
    assert values[0] == 1
    assert values[2:] == [2, 3]
    assert isinstance(values[1], ContainerLostError)
    assert retrying.poison.remote(7) == 7
