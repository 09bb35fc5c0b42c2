"""What becomes of users' work when the engine under it is killed, loses an image, runs full, or is not there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines_here import ENGINES
from intermodal_docker.engine import EngineBusy
from intermodal_docker.session import left_containers
from private_engines import PrivateEngine, private_engine, until

pytestmark = [
    pytest.mark.one_user,
    pytest.mark.skipif(os.geteuid() != 0, reason="an engine of the test's own is for root"),
]
SECONDS = 150
APP = """
import time
from pathlib import Path
import intermodal

app = intermodal.App("engine-faults")
image = intermodal.Image.debian_slim("3.11").run_commands("echo 1 > /mark")


@app.function(image=image, max_containers=2, retries=5)
def slow(x: int) -> int:
    time.sleep(0.3)
    return x * x


@app.function(image=image, memory=(64, 200), max_containers=1)
def take_memory(mebibytes: int) -> int:
    import os
    return len(bytearray(os.urandom(1 << 20)) * mebibytes)


@app.local_entrypoint()
def squares(n: int = 40):
    found = []
    for value in slow.map(range(n)):
        found.append(value)
        print("got", len(found), flush=True)
    assert found == [x * x for x in range(n)], found
    print("all")


@app.local_entrypoint()
def memory():
    waiting = slow.spawn(4)
    try:
        take_memory.remote(2000)
    except intermodal.exception.OutOfMemoryError as error:
        print("typed:", error)
    print(waiting.get(), take_memory.remote(1))


@app.local_entrypoint()
def twice(flag: str):
    print("first", slow.remote(1), flush=True)
    while not Path(flag).exists():
        time.sleep(0.05)
    print("then", [value for value in slow.map(range(8))], flush=True)
"""
FULL = """
import intermodal

app = intermodal.App("full")
image = intermodal.Image.debian_slim("3.11").run_commands("dd if=/dev/zero of=/big bs=1M count=2000")


@app.function(image=image)
def f() -> int:
    return 1


@app.local_entrypoint()
def main():
    f.remote()
"""


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.engine(name)) for name in ENGINES])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateEngine]:
    """An engine of this module's own, with space for little more than the base image."""
    with private_engine(request.param, tmp_path_factory.mktemp("engine"), 900) as made:
        yield made


@pytest.fixture
def start(engine: PrivateEngine, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts clients on it. At the end of the test nothing of them is left in the engine."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "full.py").write_text(FULL)
    clients = []

    def run(*words: str) -> subprocess.Popen[str]:
        env = {**os.environ, **engine.environment, "INTERMODAL_DATA_DIR": str(tmp_path / "data"), "NO_COLOR": "1"}
        clients.append(
            subprocess.Popen(
                [sys.executable, "-m", "intermodal.cli", "run", *words],
                cwd=tmp_path,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return clients[-1]

    yield run
    for client in clients:
        client.kill()
        client.communicate()
    told = engine.connect()
    until(lambda: not left_containers(told, tmp_path / "data"), "no container is left")
    told.close()


Start = Callable[..., "subprocess.Popen[str]"]


def read_until(client: subprocess.Popen[str], word: str) -> str:
    """What it prints, up to the line with `word`."""
    assert client.stdout is not None
    said = ""
    for line in client.stdout:
        said += line
        if word in line:
            return said
    raise AssertionError(f"it ended before {word!r}: {said}")


def end_of(client: subprocess.Popen[str]) -> str:
    """The rest of what it prints."""
    return client.communicate(timeout=SECONDS)[0]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_map_survives_a_restart_of_the_engine(engine: PrivateEngine, start: Start, how: signal.Signals) -> None:
    """12: containers are found again or lost and replaced; every input has its result."""
    client = start("app.py::squares")
    read_until(client, "got 4")
    engine.end(how)
    engine.start()
    said = end_of(client)
    assert client.returncode == 0, said
    assert "all" in said


def test_out_of_memory_is_a_typed_error_and_siblings_live(start: Start) -> None:
    """13: with limit and peak."""
    client = start("app.py::memory")
    said = end_of(client)
    assert client.returncode == 0, said
    assert "typed: " in said
    assert "limit 200 MiB, peak" in said
    assert f"16 {1 << 20}" in said


def test_an_image_that_is_removed_amid_a_session_is_no_hang(
    engine: PrivateEngine, start: Start, tmp_path: Path
) -> None:
    """The session goes on or says what is missing; the next one builds it again."""
    flag = tmp_path / "flag"
    client = start("app.py::twice", "--flag", str(flag))
    read_until(client, "first 1")
    told = engine.connect()

    def remove_all() -> bool:
        for container in left_containers(told, tmp_path / "data"):
            told.remove(container.id)
        for image in told.images({"intermodal.layer": ""}):
            with contextlib.suppress(EngineBusy):  # another one is made of it, or a spare has just been started
                told.remove_image(image.id)
        return not told.images({"intermodal.layer": ""})

    until(remove_all, "the images are gone")
    told.close()
    flag.touch()
    said = end_of(client)
    assert "then [0, 1, 4, 9, 16, 25, 36, 49]" in said or client.returncode != 0, said
    again = start("app.py::squares", "--n", "3")
    said = end_of(again)
    assert again.returncode == 0, said


def test_a_full_disk_fails_the_build_and_nothing_else(start: Start) -> None:
    """The message says so, and what is there goes on working."""
    client = start("full.py")
    said = end_of(client)
    assert client.returncode != 0
    assert "No space left on device" in said or "no space left on device" in said, said
    after = start("app.py::squares", "--n", "3")
    said = end_of(after)
    assert after.returncode == 0, said


def test_without_an_engine_the_command_that_starts_it_is_named(engine: PrivateEngine, start: Start) -> None:
    """One error, no traceback."""
    engine.end()
    try:
        client = start("app.py::squares")
        said = end_of(client)
        assert client.returncode != 0
        assert "Traceback" not in said, said
        assert "Start it: " in said, said
        assert engine.name in said
    finally:
        engine.start()
