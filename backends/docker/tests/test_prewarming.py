"""A pool's next container has started before it is needed, on real engines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal_docker.engine import ContainerDetails, Engine
from intermodal_docker.session import left_containers
from recording import recording

SECONDS = 60.0


def report(hold: bool = False) -> dict[str, str]:
    """Where it runs, and with what; or nothing for ever."""
    import os
    import time

    while hold:
        time.sleep(0.1)
    return {"host": os.uname().nodename, "secret": os.environ["TOKEN"], "cwd": os.getcwd()}


@pytest.fixture
def data(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory; sessions of this process are on `engine`, and keep spares without waiting."""
    monkeypatch.setenv("INTERMODAL_BACKEND", engine.name)
    monkeypatch.setenv("INTERMODAL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("intermodal.driver.prewarming.SETTLE_S", 0.0)
    yield tmp_path / "data"
    assert list(left_containers(engine, tmp_path / "data")) == []


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """What observers have heard."""
    return recording(tmp_path, monkeypatch)


def held_app() -> tuple[intermodal.App, Any]:
    """An app whose function takes one input in each container."""
    app = intermodal.App("ahead")
    secret = intermodal.Secret.from_dict({"TOKEN": "t0p"})
    function = app.function(serialized=True, single_use_containers=True, secrets=[secret], scaledown_window=60)(report)
    return app, function


def until(found: Callable[[], Any], what: str) -> Any:
    """The first that is not nothing."""
    deadline = time.monotonic() + SECONDS
    while not (it := found()):
        assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {what}"
        time.sleep(0.05)
    return it


def spares(engine: Engine, data: Path) -> list[ContainerDetails]:
    """Those that run."""
    return [one for one in left_containers(engine, data) if "-spare-" in one.name and one.running]


@pytest.mark.one_user
def test_the_second_container_of_a_pool_stood_ready(engine: Engine, data: Path) -> None:
    """With everything that one has which was started for the call."""
    app, function = held_app()
    with app.run():
        held = function.spawn(hold=True)
        ordinary = function.remote()
        until(lambda: spares(engine, data), "a spare")

        def on_a_spare() -> Any:
            found = function.remote()
            return found if "-spare-" in found["host"] else None

        taken = until(on_a_spare, "a call on one that stood ready")
        assert taken | {"host": ""} == ordinary | {"host": ""}
        assert taken["secret"] == "t0p"
        held.cancel(terminate_containers=True)


@pytest.mark.one_user
def test_a_spare_that_is_gone_is_not_missed(engine: Engine, data: Path, recorded: Any) -> None:
    """The call gets another container, and nobody hears of it."""
    app, function = held_app()
    with app.run():
        held = function.spawn(hold=True)
        for _ in range(3):
            (spare, *_) = until(lambda: spares(engine, data), "a spare")
            engine.remove(spare.id)
            assert function.remote()["host"] not in spare.name
        held.cancel(terminate_containers=True)
    assert recorded().notices == []
    assert len(set(recorded().containers)) == 4
    assert "spare" not in " ".join(recorded().containers)


@pytest.mark.one_user
def test_no_spare_outlives_the_calls_of_its_function(engine: Engine, data: Path) -> None:
    """It goes when the last container of its pool has gone."""
    app, function = held_app()
    with app.run():
        held = function.spawn(hold=True)
        until(lambda: spares(engine, data), "a spare")
        held.cancel(terminate_containers=True)
        until(lambda: not left_containers(engine, data), "all have gone")
