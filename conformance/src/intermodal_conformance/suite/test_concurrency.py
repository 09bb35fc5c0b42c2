"""conc.*"""

from __future__ import annotations

from itertools import pairwise

import pytest

import intermodal
from intermodal.exception import InputCancelledError
from intermodal.plugins import LogLine
from intermodal_conformance.apps import scaling
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


@requirement("conc.single")
def test_one_input_at_a_time_in_a_container(target: Target) -> None:
    """No two spans of one container overlap."""
    for function in (scaling.span, scaling.span_of_two):
        spans = sorted(function.map([0.05] * 12))
        containers = {container for container, _, _ in spans}
        for name in containers:
            own = sorted((began, ended) for container, began, ended in spans if container == name)
            assert all(ended <= began for (_, ended), (began, _) in pairwise(own))


@requirement("conc.inputs")
def test_coroutines_run_together_up_to_the_limit(target: Target) -> None:
    """Five wait for each other, and a sixth is never among them."""
    found = list(scaling.meet.map(range(23)))
    assert len({container for container, _, _ in found}) == 1
    assert max(most for _, most, _ in found) == 5


@requirement("conc.inputs")
def test_sync_functions_run_together_on_threads(target: Target) -> None:
    """Four at once, on threads of their own, never five."""
    found = list(scaling.meet_on_threads.map(range(18)))
    assert max(most for _, most, _ in found) == 4
    assert len({thread for _, _, thread in found}) > 1


@requirement("conc.cancel")
def test_cancelling_a_coroutine_cancels_that_one_only(target: Target) -> None:
    """Its neighbours in the container have their values."""
    with intermodal.Queue.ephemeral() as log, intermodal.Queue.ephemeral() as box:
        running = [scaling.hold_async.spawn(log, box) for _ in range(3)]
        container = {log.get(timeout=60)[1] for _ in range(3)}
        assert len(container) == 1
        running[1].cancel()
        with pytest.raises(InputCancelledError):
            running[1].get(timeout=60)
        target.witness.wait_for(LogLine, lambda line: line.text.startswith("cancelled"))
        box.put_many(["a", "b"])
        values = [running[0].get(timeout=60), running[2].get(timeout=60)]
        assert sorted(values) == [f"{word} {name}" for name in container for word in "ab"]


@requirement("conc.cancel")
def test_a_cancelled_sync_input_sees_it_and_its_container_goes_on(target: Target) -> None:
    """As `InputCancellation`, which is no `Exception`."""
    with intermodal.Queue.ephemeral() as log:
        call = scaling.hold.spawn(log, False)
        assert log.get(timeout=60)[0] == "began"
        call.cancel()
        with pytest.raises(InputCancelledError):
            call.get(timeout=60)
        assert log.get(timeout=60) == ("InputCancellation", False)


@requirement("conc.cancel")
def test_a_stubborn_input_is_terminal_at_once_and_its_container_is_killed(target: Target) -> None:
    """Though it caught `InputCancellation` and goes on: after the grace period the next input has its place."""
    with intermodal.Queue.ephemeral() as log:
        call = scaling.hold.spawn(log, True)
        _, container = log.get(timeout=60)
        call.cancel()
        with pytest.raises(InputCancelledError):
            call.get(timeout=60)
        assert log.get(timeout=60) == ("InputCancellation", False)
        after = scaling.hold.spawn(log, False)
        began = log.get(timeout=80)
        assert began[0] == "began"
        assert began[1] != container
        after.cancel()


@requirement("conc.cancel")
def test_neighbours_of_a_cancelled_sync_input_are_run_elsewhere(target: Target) -> None:
    """A thread cannot be stopped, so its container goes; the others run again without having retries."""
    with intermodal.Queue.ephemeral() as log, intermodal.Dict.ephemeral() as box:
        running = {name: scaling.hold_on_threads.spawn(log, box, name) for name in "abc"}
        for _ in running:
            log.get(timeout=60)
        running["b"].cancel()
        with pytest.raises(InputCancelledError):
            running["b"].get(timeout=60)
        box.update({"a": 1, "c": 3})
        assert running["a"].get(timeout=80).startswith("1 ")
        assert running["c"].get(timeout=80).startswith("3 ")
