"""Sandboxes from another process, and what is left of them when theirs is killed (sandbox.end)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest
from terminal import COLUMNS, ROWS, Terminal
from workplace import Workplace

from engines_here import containers_left

APP = """
    import sys
    import intermodal

    app = intermodal.App("boxes")
    with app.run(backend=sys.argv[1]):
        program = ["sh", "-c", "echo program; echo complaint >&2; exec sleep 1000"]
        sandbox = intermodal.Sandbox.create(*program, app=app, name="one", tags={"a": "b"}, unencrypted_ports=[8000])
        sandbox.ls("/")
        daemon = sandbox.exec("sh", "-c", "setsid sleep 1000 & echo started; sleep 1000", bufsize=1)
        next(daemon.stdout)
        print(sandbox.object_id, flush=True)
        sandbox.wait(raise_on_termination=False)
        print("ended with", sandbox.returncode, flush=True)
"""


class Running:
    """A process of the user's that has a sandbox."""

    def __init__(self, place: Workplace, backend: str) -> None:
        place.write("boxes.py", APP)
        self.process = place.start("boxes.py", backend)
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self.id = self.output.readline().strip()
        if not self.id:
            assert self.process.stderr is not None
            raise AssertionError(self.process.stderr.read())


def run(place: Workplace, backend: str) -> Iterator[Running]:
    """Started and, in the end, gone."""
    running = Running(place, backend)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


@pytest.fixture
def running(place: Workplace) -> Iterator[Running]:
    """One on the local backend."""
    yield from run(place, "local")


def test_a_sandbox_of_another_process_is_driven_by_commands(place: Workplace, running: Running) -> None:
    """List, run something, read what it printed, end it; afterwards it is not there any more."""
    listed = json.loads(place.intermodal("sandbox", "ls", "--json").stdout)
    assert [(each["id"], each["name"], each["state"]) for each in listed] == [(running.id, "one", "running")]
    assert "boxes  one a=b" in place.intermodal("sandbox", "ls").stdout
    done = place.intermodal("sandbox", "exec", running.id, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    done = place.intermodal("sandbox", "logs", running.id)
    assert (done.stdout, done.stderr) == ("program\n", "complaint\n")
    assert place.intermodal("sandbox", "terminate", running.id).returncode == 0
    assert running.output.read() == "ended with 137\n"
    running.process.wait(60)
    done = place.intermodal("sandbox", "exec", running.id, "true")
    assert done.returncode == 1
    assert "there is no sandbox" in done.stderr
    assert place.intermodal("sandbox", "ls").stdout == ""


def test_a_shell_in_a_sandbox(place: Workplace, running: Running) -> None:
    """`intermodal shell SANDBOX` on a terminal, whose size it has."""
    with Terminal(place, "-m", "intermodal.cli", "shell", running.id, "--cmd", "/bin/sh") as terminal:
        terminal.wait_until(lambda lines: lines and lines[-1].startswith("#"))  # the prompt
        terminal.press("stty size; echo in $HOME; exit 4\n")
        terminal.wait_until(lambda lines: "in /root" in [line.strip() for line in lines])
        assert terminal.wait() == 4
        assert any(f"{ROWS} {COLUMNS}" in line for line in terminal.lines)


def test_nothing_is_left_of_a_sandbox_when_its_process_is_killed(place: Workplace, backend: str) -> None:
    """No process, no container: the fixture looks, too. The next session removes the directory."""
    for running in run(place, backend):
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait(60)
    place.leftovers.nothing_within(60)
    deadline = time.monotonic() + 60
    while left := containers_left(place.data):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    place.write("boxes.py", APP.replace("sandbox.wait(", "sandbox.terminate()\n        sandbox.wait("))
    done = place.run("boxes.py", "local")
    assert done.returncode == 0, done.stderr
    assert list((place.data / "sandboxes").iterdir()) == []
