"""Containers that are started ahead: for which pools, how long, and who hears of them."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal.plugins.roles import LaunchBusy
from recording import recording

PATIENCE = 60.0


def body(*args: Any) -> Any:
    """Never runs: the test answers in its place."""


def other_body(*args: Any) -> Any:
    """The same, of another pool."""


@pytest.fixture
def stage(plain: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The side of a backend that can start containers ahead; core does so at once."""
    import scripted_backend

    monkeypatch.setenv("INTERMODAL_BACKEND", "scripted")
    monkeypatch.setenv("INTERMODAL_GRACE_S", "0")
    monkeypatch.setattr("intermodal.driver.prewarming.SETTLE_S", 0.0)
    made = scripted_backend.reset()
    made.prewarms = True
    yield made
    for peer in made.peers:
        peer.guest.close()
    assert all(spare.over for spare in made.spares), "a spare was left"


def make(**options: Any) -> tuple[intermodal.App, Any]:
    """An app with one function."""
    app = intermodal.App("ahead")
    return app, app.function(serialized=True, **{"max_containers": 2, **options})(body)


def next_spare(stage: Any) -> Any:
    """The next that core has asked for."""
    return stage.spared.get(timeout=PATIENCE)


def test_a_pool_in_use_has_one_spare_like_its_containers(stage: Any) -> None:
    """Of another name; when a launch has taken it, or it has ended, there is another one after the next change."""
    app, function = make(env={"A": "1"}, cpu=0.5, max_containers=4, scaledown_window=60)
    with app.run():
        function.spawn(1)
        peer = stage.next_ready()
        spare = next_spare(stage)
        assert spare.spec.id != peer.spec.id
        assert (spare.spec.env, spare.spec.resources) == (peer.spec.env, peer.spec.resources)
        assert spare.spec.mounts == peer.spec.mounts
        spare.over = True
        function.spawn(2)
        stage.next_ready()
        assert next_spare(stage).spec.id != spare.spec.id
        with pytest.raises(queue.Empty):
            stage.spared.get_nowait()


def test_it_goes_with_the_last_container_of_its_pool(stage: Any) -> None:
    """Nothing is kept for functions that nobody calls."""
    app, function = make()
    with app.run():
        call = function.spawn(1)
        peer = stage.next_ready()
        spare = next_spare(stage)
        ((attempt, _),) = peer.inputs()
        peer.answer([attempt], ["done"])
        assert call.get(timeout=PATIENCE) == "done"
        peer.ends()
        assert spare.dismissed.wait(PATIENCE)


def test_it_goes_when_its_pool_may_not_grow_any_more(stage: Any) -> None:
    """Others have taken what a further container would need: the backend has 8 cores."""
    app, function = make(cpu=2.0, scaledown_window=60)
    other = app.function(serialized=True, cpu=5.0, name="other")(other_body)
    with app.run():
        function.spawn(1)
        stage.next_ready()
        spare = next_spare(stage)
        other.spawn(1)
        stage.next_ready()
        assert spare.dismissed.wait(PATIENCE)


@pytest.mark.parametrize(
    "options", [{"max_containers": 1}, {"gpu": "T4"}, {"cpu": 5.0}], ids=["limit", "GPU", "no room"]
)
def test_pools_that_cannot_use_one_have_none(stage: Any, options: dict[str, Any]) -> None:
    """The first container is all they may have, or a spare would hold what is to be shared."""
    app, function = make(**options)
    other = app.function(serialized=True, name="other")(other_body)
    with app.run():
        function.spawn(1)
        stage.next_ready()
        other.spawn(1)
        stage.next_ready()
        assert next_spare(stage).spec.function == "other"
        with pytest.raises(queue.Empty):
            stage.spared.get_nowait()


def test_one_that_cannot_be_made_does_not_matter(stage: Any) -> None:
    """Nobody hears of it, and it is tried again after the next change."""
    stage.refusals.append(LaunchBusy("full"))
    app, function = make(max_containers=4, scaledown_window=60)
    with app.run():
        function.spawn(1)
        stage.next_ready()
        assert stage.refused.get(timeout=PATIENCE)
        function.spawn(2)
        stage.next_ready()
        next_spare(stage)


def test_it_can_be_switched_off(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """prewarm = false."""
    monkeypatch.setenv("INTERMODAL_PREWARM", "false")
    app, function = make()
    with app.run():
        call = function.spawn(1)
        peer = stage.next_ready()
        ((attempt, _),) = peer.inputs()
        peer.answer([attempt], ["done"])
        assert call.get(timeout=PATIENCE) == "done"
        peer.ends()
    assert stage.spares == []


def test_observers_hear_of_containers_that_were_launched_and_of_no_others(
    stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spare is none."""
    recorded = recording(tmp_path, monkeypatch)
    app, function = make()
    with app.run():
        function.spawn(1)
        peer = stage.next_ready()
        next_spare(stage)
        peer.prints(b"said\n")
        peer.ends()
    assert set(recorded().containers) == {peer.id}
    assert recorded().texts == ["said"]
