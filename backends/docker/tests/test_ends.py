"""The end of a container is told when its processes are gone; the engine clears up behind."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal_docker.container import EngineContainer
from intermodal_docker.engine import Engine
from intermodal_docker.session import left_containers

SECONDS = 300.0
MANY = 100


@pytest.fixture
def data(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory; sessions of this process are on `engine`, and what they made is gone when they end."""
    monkeypatch.setenv("INTERMODAL_BACKEND", engine.name)
    monkeypatch.setenv("INTERMODAL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("INTERMODAL_PREWARM", "false")
    yield tmp_path / "data"
    assert list(left_containers(engine, tmp_path / "data")) == []


def alone(program: Any) -> tuple[intermodal.App, Any]:
    """An app whose function has one container at a time, each for one input."""
    app = intermodal.App("ends")
    function = app.function(serialized=True, single_use_containers=True, max_containers=1)(program)
    return app, function


def echo(number: int) -> int:
    """The same."""
    return number


@pytest.mark.one_user
def test_the_next_container_does_not_wait_for_a_removal(
    engine: Engine, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the session's end does."""
    app, function = alone(echo)
    goes, asked = threading.Event(), []
    remove = type(engine).remove

    def slowly(self: Engine, container: str) -> None:
        asked.append(container)
        assert goes.wait(SECONDS), "nobody went on"
        remove(self, container)

    monkeypatch.setattr(type(engine), "remove", slowly)
    with app.run():
        assert [function.remote(number) for number in range(3)] == [0, 1, 2]
        assert len(set(asked)) == 2
        goes.set()
    assert len(set(asked)) == 3


def leave_many(mark: str) -> None:
    """Daemons that live on."""
    import subprocess

    null = subprocess.DEVNULL
    for _ in range(100):
        subprocess.Popen(["setsid", "sleep", mark], stdout=null, stderr=null)


def hold_many(mark: str) -> None:
    """The same, and does not end of itself."""
    import subprocess
    import time

    null = subprocess.DEVNULL
    for _ in range(100):
        subprocess.Popen(["setsid", "sleep", mark], stdout=null, stderr=null)
    time.sleep(600)


def having(mark: str) -> list[str]:
    """The processes of this machine that have it among their arguments."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in place.read_bytes().split(b"\0"):
                found.append(place.parent.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.one_user
@pytest.mark.parametrize("program", [leave_many, hold_many])
def test_no_process_is_left_when_the_end_is_told(
    program: Any, engine: Engine, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the function started; of its own accord, and killed in the middle."""
    mark = f"600.{uuid.uuid4().int}"
    app, function = alone(program)
    wait, left = EngineContainer.wait, []

    async def told(self: EngineContainer) -> Any:
        found = await wait(self)
        left.append(having(mark))
        return found

    monkeypatch.setattr(EngineContainer, "wait", told)
    with app.run():
        call = function.spawn(mark)
        if program is hold_many:
            deadline = time.monotonic() + SECONDS
            while len(having(mark)) < MANY:
                assert time.monotonic() < deadline, "they never came"
            call.cancel(terminate_containers=True)
        else:
            call.get()
    assert left
    assert not any(left)
