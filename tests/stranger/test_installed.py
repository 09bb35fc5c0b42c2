"""The backend of docs/write-a-backend.md, installed as a wheel: it runs programs, leaves nothing, and conforms."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from processes import command_lines

Until = Callable[..., None]

HELLO = """\
import intermodal

app = intermodal.App("hello-ssh")
six = intermodal.Image.debian_slim().pip_install("six==1.17.0")


@app.function(image=six)
def where(n: int) -> tuple[int, str, bool]:
    import os
    import six

    print("in a container")
    return n * n, six.__version__, os.path.exists({outside!r})


@app.local_entrypoint()
def main() -> None:
    print(sorted(where.map(range(3))))
"""
STUBBORN = """\
import subprocess, time
import intermodal

app = intermodal.App("stubborn-ssh")


@app.function()
def stay() -> None:
    subprocess.Popen(["setsid", "sleep", {seconds!r}])
    print("it stays", flush=True)
    time.sleep(600)


@app.local_entrypoint()
def main() -> None:
    stay.remote()
"""


def left_on(machine: dict[str, str]) -> list[str]:
    """Directories of sessions that are still there."""
    return os.listdir(Path(machine["MACHINE"], "temporary"))


def test_its_wheel_runs_a_program_on_the_machine(
    environment: Path, outside: dict[str, str], tmp_path: Path, until: Until
) -> None:
    """Found by its entry point; the image has what it installs, the container nothing else of this machine."""
    (tmp_path / "hello.py").write_text(HELLO.format(outside=str(tmp_path)))
    done = subprocess.run(
        [environment / "intermodal", "run", "hello.py"],
        cwd=tmp_path,
        env=outside,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[(0, '1.17.0', False), (1, '1.17.0', False), (4, '1.17.0', False)]" in done.stdout.splitlines()
    assert sum(line.endswith("| in a container") for line in done.stdout.splitlines()) == 3
    until(lambda: left_on(outside) == [])


def test_nothing_stays_on_the_machine_after_a_kill(
    environment: Path, outside: dict[str, str], tmp_path: Path, until: Until
) -> None:
    """kill -9 of the user's program: what a container started in a session of its own goes, and the directory."""
    seconds = str(600 + os.getpid() / 100000)
    (tmp_path / "stubborn.py").write_text(STUBBORN.format(seconds=seconds))
    command = [environment / "intermodal", "run", "stubborn.py"]
    with open(tmp_path / "out", "wb") as out:
        program = subprocess.Popen(command, cwd=tmp_path, env=outside, stdout=out, stderr=out)
    until(lambda: b"it stays" in (tmp_path / "out").read_bytes() or program.poll() is not None, 120)
    assert commands_with(seconds), (tmp_path / "out").read_text()
    assert left_on(outside) != []
    program.send_signal(signal.SIGKILL)
    program.wait()
    until(lambda: not commands_with(seconds) and left_on(outside) == [])


def commands_with(word: str) -> list[str]:
    """Command lines of this host that have the word as an argument."""
    every = [line.decode(errors="replace").split("\0") for _, line in command_lines()]
    return [" ".join(words) for words in every if word in words]


@pytest.mark.timeout(900)
def test_it_conforms(environment: Path, outside: dict[str, str], tmp_path: Path, until: Until) -> None:
    """The verdict of the suite: level core, and a refusal by name for each capability that it lacks."""
    done = subprocess.run(
        [environment / "intermodal-conformance", "--backend", "ssh", "--deadline", "850"],
        cwd=tmp_path,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    assert re.search(r"^conformant: spec [\d.]+, core", done.stdout, re.MULTILINE), done.stdout
    until(lambda: left_on(outside) == [])
