"""cls.*"""

from __future__ import annotations

from typing import Any

import pytest

from intermodal.exception import CapabilityNotSupported, InvalidError
from intermodal.plugins import LogLine
from intermodal_conformance.apps import batching, classes
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.target import Target


@requirement("cls.lifecycle")
def test_enters_run_once_in_order_and_exits_run_at_the_end(target: Target) -> None:
    """The base's first, then in order of definition, sync or async; each once in a container."""
    found = [classes.Lifecycle().look.remote() for _ in range(3)]
    container = found[0][0]
    assert {name for name, _ in found} == {container}
    assert [log for _, log in found] == [["base_enter", "second", "third", *["look"] * n] for n in (1, 2, 3)]

    def of_it(line: LogLine) -> bool:
        return container in line.text

    lines = target.witness.wait_for(LogLine, of_it, count=3)
    assert [line.text.split(" " + container)[0] for line in lines] == ["entered", "base exit", "exit"]


@requirement("cls.lifecycle", capability="snapshot")
def test_a_snapshot_is_made_once_and_comes_before_other_enters(target: Target) -> None:
    """Two containers are forks of one preparation, with randomness of their own."""
    found = list(classes.Snapped().look.map([0.5, 0.5]))
    assert [order for order, _, _ in found] == [["snap", "enter"]] * 2
    assert len({made for _, made, _ in found}) == 1
    assert len({number for _, _, number in found}) == 2


@refusal("cls.lifecycle", capability="snapshot")
def test_snapshots_are_refused(target: Target) -> None:
    """By name."""
    with pytest.raises(CapabilityNotSupported) as caught:
        classes.Snapped().look.remote()
    assert caught.value.capability == "snapshot"


@requirement("cls.enter-fails")
def test_a_failing_enter_reaches_all_who_wait(target: Target) -> None:
    """The original error after a bounded number of starts; its exit methods do not run."""
    calls = [classes.BrokenEnter().predict.spawn() for _ in range(3)]
    for call in calls:
        with pytest.raises(RuntimeError, match="weights are missing"):
            call.get(timeout=120)
    starts = target.witness.of(LogLine, lambda line: line.text == "trying to start")
    assert 1 <= len(starts) <= 30
    assert not target.witness.of(LogLine, lambda line: line.text == "exit without enter")


@requirement("cls.exit-grace")
def test_running_inputs_end_and_exits_run_when_the_app_stops(target: Target) -> None:
    """In that order, within the grace period."""
    with classes.ending.run():
        classes.Ending().work.spawn(0.7)
        target.witness.wait_for(LogLine, lambda line: line.text == "work begins", timeout=60)
    lines = [line.text for line in target.witness.of(LogLine, lambda line: line.app == "conformance-ending")]
    assert lines == ["work begins", "work ends", "exit runs"]


@requirement("cls.parameters")
def test_each_value_has_containers_of_its_own(target: Target) -> None:
    """Of all four kinds; equal values share theirs."""
    values: dict[str, Any] = {"text": "ü", "number": -5, "raw": b"\x00", "flag": True}
    one, seen, ready = classes.Parameters(**values).look.remote()
    assert (seen, ready) == (("ü", -5, b"\x00", True), "ü--5")
    assert classes.Parameters(**values).look.remote()[0] == one
    other, seen, _ = classes.Parameters(text="v").look.remote()  # type: ignore[call-arg]
    assert seen == ("v", 1, b"raw", False)
    assert other != one
    assert list(classes.Parameters(number=3).double.map([1, 2])) == [2, 4]  # type: ignore[call-arg]


@requirement("cls.parameters")
def test_variants_have_containers_of_their_own(target: Target) -> None:
    """With other options, concurrency or batching."""
    plain, _, _ = classes.Parameters().look.remote()
    with_options, _, _ = classes.Parameters.with_options(env={"A": "1"})().look.remote()  # type: ignore[attr-defined]
    concurrent, _, _ = classes.Parameters.with_concurrency(max_inputs=2)().look.remote()  # type: ignore[attr-defined]
    assert len({plain, with_options, concurrent}) == 3
    batched = batching.soon.with_batching(max_batch_size=2, wait_ms=300)
    assert max(len(batch) for _, batch, _ in batched.map(range(4))) <= 2


@requirement("cls.parameters")
def test_wrong_parameters_are_refused(target: Target) -> None:
    """A wrong type, an unknown name, a place, a missing one."""
    with pytest.raises((InvalidError, TypeError)):
        classes.Parameters(number="x")  # type: ignore[call-arg]
    with pytest.raises((InvalidError, TypeError)):
        classes.Parameters(other=1)  # type: ignore[call-arg]
    with pytest.raises((InvalidError, TypeError)):
        classes.Parameters("x")  # type: ignore[call-arg]
    with pytest.raises((InvalidError, TypeError)):
        classes.Required().look.remote()
    assert classes.Required(name="x").look.remote() == "x"  # type: ignore[call-arg]


@requirement("cls.parameters")
def test_local_runs_enter(target: Target) -> None:
    """Here, once."""
    here = classes.Parameters(text="here")  # type: ignore[call-arg]
    assert here.look.local()[1:] == (("here", 1, b"raw", False), "here-1")
    assert here.double.local(4) == 8
