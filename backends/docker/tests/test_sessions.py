"""Whatever becomes of a client, no container of its outlives it; and what it left on disk the next session removes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from intermodal_docker.engine import CreateRequest, Engine
from intermodal_docker.session import Session, left_containers, reap, session_lives

BASE = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim-bookworm"
SECONDS = 60.0
APP = """
import time
import intermodal

app = intermodal.App("outlived")


@app.function()
def work() -> None:
    print("working", flush=True)
    while True:
        sum(range(10**7))  # without a look at its connection


@app.local_entrypoint()
def main() -> None:
    work.remote()
"""


def soon(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {what}"
        time.sleep(0.05)


def environment(tmp_path: Path) -> dict[str, str]:
    """Of a client with a data directory of its own."""
    return {**os.environ, "INTERMODAL_DATA_DIR": str(tmp_path / "data"), "PYTHONUNBUFFERED": "1"}


def started(tmp_path: Path, backend: str) -> subprocess.Popen[str]:
    """A client whose function is at work."""
    (tmp_path / "app.py").write_text(APP)
    command = Path(sys.executable).parent / "intermodal"
    client = subprocess.Popen(
        [command, "run", "--backend", backend, "app.py"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert client.stdout is not None
    said = ""
    for line in client.stdout:
        said += line
        if "working" in line:
            return client
    raise AssertionError(f"it never worked: {said}")


@pytest.mark.one_user
def test_containers_end_with_a_client_that_is_killed(engine: Engine, tmp_path: Path) -> None:
    """Also where user code never looks at its connection; and the one that stands ready for the next input."""
    client = started(tmp_path, engine.name)
    data = tmp_path / "data"
    soon(lambda: [one.running for one in left_containers(engine, data)] == [True, True], "a spare stands ready")
    client.kill()
    client.communicate()
    soon(lambda: not left_containers(engine, data), "the container goes")


@pytest.mark.one_user
def test_an_interrupted_client_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    """Neither containers nor directories."""
    client = started(tmp_path, engine.name)
    client.send_signal(signal.SIGINT)
    client.communicate(timeout=SECONDS)
    assert list(left_containers(engine, tmp_path / "data")) == []
    assert list((tmp_path / "data" / engine.name / "sessions").iterdir()) == []


@pytest.mark.one_user
def test_a_session_removes_what_ended_sessions_left(engine: Engine, tmp_path: Path) -> None:
    """And leaves alone what living ones have, and what others' data directories have."""
    made: list[str] = []

    def container(session: Session) -> str:
        made.append(engine.create(CreateRequest(image=BASE, command=["true"], labels=session.labels)))
        return made[-1]

    try:
        with Session(tmp_path / "mine", engine.name) as living, Session(tmp_path / "other", engine.name) as other:
            kept = {container(living), container(other)}
            with Session(tmp_path / "mine", engine.name) as ended:
                container(ended)
            reap(engine, tmp_path / "mine")
            assert {id for id in made if engine.container(id) is not None} == kept
            assert living.folder.is_dir()
    finally:
        for id in made:
            engine.remove(id)


class Empty:
    """An engine without containers, as quick as can be."""

    name = "docker"

    def containers(self, _: Mapping[str, str]) -> tuple[()]:
        """None."""
        return ()


def test_a_session_that_begins_is_never_taken_for_one_that_has_ended(tmp_path: Path) -> None:
    """However many remove what others left at that moment: else its containers would be removed while they are used."""
    engine: Any = Empty()
    over = threading.Event()

    def removing() -> None:
        while not over.is_set():
            reap(engine, tmp_path)

    others = [threading.Thread(target=removing) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for _ in range(500):
            with Session(tmp_path, engine.name) as session:
                assert session_lives(engine, tmp_path, session.labels)
    finally:
        over.set()
        for other in others:
            other.join()
