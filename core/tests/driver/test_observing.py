"""What observers hear, and in which order; outputs of spawned calls, kept and expired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal.exception import CapabilityNotSupported, ImageBuildError, NotFoundError, OutputExpiredError

RECORDER = """
from intermodal.plugins import hookimpl
heard = []
def _hear(kind):
    def hear(events):
        heard.extend((kind, event) for event in events)
    hear.__name__ = "intermodal_" + kind
    return hookimpl(hear)
for _kind in (
    "call_started", "call_progress", "call_finished", "container_started", "container_exited", "log", "notice",
    "input_failed", "image_started", "image_finished",
):
    globals()["intermodal_" + _kind] = _hear(_kind)
"""


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """(kind, event) of everything that a plugin hears, in order."""
    name = f"recorder_{tmp_path.name}".replace("-", "_")
    (tmp_path / "site" / f"{name}.py").write_text(RECORDER)
    monkeypatch.setenv("INTERMODAL_PLUGINS", name)
    return lambda: __import__("sys").modules[name].heard


def shout(word: str) -> str:
    print(f"shouting {word}")
    return word.upper()


def test_observations_come_in_the_order_of_events(heard: Any) -> None:
    """Image, container, call, its lines, its progress, its end, the container's end; progress never after the end."""
    app = intermodal.App("observed")
    function = app.function(serialized=True, max_containers=1)(shout)
    with app.run():
        assert list(function.map(["a", "b", "c"])) == ["A", "B", "C"]
    kinds = [kind for kind, _ in heard()]
    first = {kind: kinds.index(kind) for kind in kinds}
    assert first["call_started"] < first["call_progress"] < first["call_finished"]
    assert first["image_started"] < first["image_finished"] < first["container_started"] < first["container_exited"]
    assert "call_progress" not in kinds[first["call_finished"] :]
    assert first["log"] < first["call_finished"]
    lines = [event.text for kind, event in heard() if kind == "log"]
    assert lines == ["shouting a", "shouting b", "shouting c"]
    finished = next(event for kind, event in heard() if kind == "call_finished")
    assert (finished.succeeded, finished.failed, finished.cancelled) == (3, 0, 0)
    assert {event.call for kind, event in heard() if kind == "log"} == {finished.call}


def test_outputs_of_spawned_calls_are_kept_until_enough_later_ones_have_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`get` may be called again and from an id; of a call that ended long ago, the outputs have expired."""
    monkeypatch.setattr("intermodal.driver.calls.KEPT_CALLS", 3)
    app = intermodal.App("kept")
    function = app.function(serialized=True, max_containers=1)(shout)
    with app.run():
        old = function.spawn("old")
        assert [old.get(), old.get()] == ["OLD", "OLD"]
        later = [function.spawn(str(n)) for n in range(3)]
        assert [call.get() for call in later] == ["0", "1", "2"]
        with pytest.raises(OutputExpiredError):
            intermodal.FunctionCall.from_id(old.object_id).get()
        again = intermodal.FunctionCall.from_id(later[-1].object_id)
        assert again.get() == "2"
        with pytest.raises(NotFoundError):
            intermodal.FunctionCall.from_id("fc-0000000000-99").get()


def test_of_an_image_that_failed_observers_hear_once(heard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's end says so; no container came of it that could have ended."""
    from plain_backend import PlainBuilder

    async def fail(*_: Any) -> None:
        raise ImageBuildError("image step 1 of 1 failed")

    monkeypatch.setattr(PlainBuilder, "build", fail)
    app = intermodal.App("broken")
    function = app.function(serialized=True)(shout)
    with app.run(), pytest.raises(ImageBuildError, match=r"^shout: image step 1 of 1 failed"):
        function.remote("word")
    assert [event.error for kind, event in heard() if kind == "image_finished"] == ["image step 1 of 1 failed"]
    assert "container_exited" not in [kind for kind, _ in heard()]


def fail(word: str) -> None:
    if word != "good":
        raise KeyError(word) from ValueError("the cause")


def test_observers_hear_of_each_input_that_failed(heard: Any) -> None:
    """Once, after its last try and before the end of its call, with the text of what it raised."""
    app = intermodal.App("failing")
    function = app.function(serialized=True, max_containers=1, retries=intermodal.Retries(1, initial_delay=0))(fail)
    with app.run():
        assert len(list(function.map(["bad", "good", "worse"], return_exceptions=True))) == 3
        with pytest.raises(KeyError):
            function.spawn("spawned").get()
    kinds = [kind for kind, _ in heard()]
    assert kinds.index("input_failed") < kinds.index("call_finished")
    failures = {each.message: each for kind, each in heard() if kind == "input_failed"}
    assert sorted(failures) == ["'bad'", "'spawned'", "'worse'"]
    assert {each.input for each in failures.values()} == {0, 2}
    assert {(each.app, each.function, each.error, each.attempt, each.count) for each in failures.values()} == {
        ("failing", "fail", "KeyError", 2, 1)
    }
    container = next(event.container for kind, event in heard() if kind == "container_started")
    assert {each.container for each in failures.values()} == {container}
    assert "ValueError: the cause" in failures["'bad'"].traceback
    assert failures["'bad'"].traceback.endswith("KeyError: 'bad'\n")
    assert [failures[word].detached for word in ("'bad'", "'spawned'")] == [False, True]


def sleep_long(n: int) -> None:
    import time

    time.sleep(600)


def test_failures_of_ours_are_told_as_well(heard: Any) -> None:
    """A timeout names itself and has no traceback; inputs that could never run are one observation."""
    app = intermodal.App("failing-ours")
    slow = app.function(serialized=True, timeout=1, retries=0, name="slow")(sleep_long)
    broken = app.function(serialized=True, image=intermodal.Image.debian_slim().run_commands("exit 3"), name="broken")(
        fail
    )
    with app.run():
        with pytest.raises(intermodal.exception.FunctionTimeoutError):
            slow.remote(1)
        with pytest.raises(CapabilityNotSupported):
            list(broken.map(["x"] * 5))
    late = next(event for kind, event in heard() if kind == "input_failed" and event.function == "slow")
    assert (late.error, late.attempt, late.traceback, late.container is not None) == (
        "FunctionTimeoutError",
        1,
        "",
        True,
    )
    never = [event for kind, event in heard() if kind == "input_failed" and event.function == "broken"]
    assert {(each.error, each.attempt, each.container) for each in never} == {("CapabilityNotSupported", 0, None)}
    assert sum(each.count for each in never) == 5


async def meet(word: str) -> str:
    import asyncio
    import os

    print(f"{word} begins")
    await asyncio.sleep(0.05)
    print(f"{word} ends")
    os.write(1, f"{word} raw\n".encode())
    return word


def test_lines_have_call_and_input_among_concurrent_ones(heard: Any) -> None:
    """Also where several calls run in one container at once: each line is that of the code that printed it."""
    app = intermodal.App("whose")
    concurrent = intermodal.concurrent(max_inputs=8)
    function = app.function(serialized=True, max_containers=1)(concurrent(meet))
    with app.run():
        calls = [function.spawn(word) for word in ("a", "b")]
        assert sorted(function.map(["c", "d", "e"])) == ["c", "d", "e"]
        assert [call.get() for call in calls] == ["a", "b"]
    lines = {event.text: event for kind, event in heard() if kind == "log"}
    for word, call in zip(("a", "b"), calls, strict=True):
        for what in ("begins", "ends"):
            line = lines[f"{word} {what}"]
            assert (line.call, line.input) == (call.object_id, 0), line
    assert [lines[f"{word} {what}"].input for word in "cde" for what in ("begins", "ends")] == [0, 0, 1, 1, 2, 2]
    assert len({lines[f"{word} ends"].call for word in "cde"}) == 1
    assert {lines[f"{word} raw"].input for word in "abcde"} == {None}
