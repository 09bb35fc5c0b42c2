"""app.ephemeral"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import intermodal
from intermodal.exception import Error
from intermodal.plugins import ContainerExited, ContainerStarted
from intermodal_conformance import traces
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target

#: Seconds that what a killed program had started gets to end.
PATIENCE_S = 15.0

PROGRAM = """
import json, sys, time
import intermodal
from intermodal.plugins import set_command_line

app = intermodal.App("conformance-killed")

@app.function(serialized=True, cpu=0.01, memory=64)
def stay(box, mark):
    import subprocess
    subprocess.Popen(["sleep", mark], start_new_session=True)
    box.put("in")
    time.sleep(600)

if __name__ == "__main__":
    set_command_line(json.loads(sys.argv[1]))
    with app.run(), intermodal.Queue.ephemeral() as box:
        stay.spawn(box, sys.argv[3])
        box.get(timeout=60)
        print("running", flush=True)
        if sys.argv[2] == "raise":
            raise SystemExit(5)
        time.sleep(600)
"""


def identity(x: int) -> int:
    """Runs in a container, by value."""
    return x


@requirement("app.ephemeral")
def test_everything_is_stopped_when_the_block_is_left(target: Target) -> None:
    """Each container that started has gone; calls are an error afterwards."""
    app = intermodal.App("conformance-short")
    function = app.function(serialized=True, cpu=0.01, memory=64)(identity)
    with app.run():
        assert list(function.map(range(3))) == [0, 1, 2]
    started = target.witness.of(ContainerStarted, lambda each: each.app == "conformance-short")
    gone = [each.container for each in target.witness.of(ContainerExited, lambda each: each.app == "conformance-short")]
    assert started
    assert {each.container for each in started} <= set(gone)
    assert len(gone) == len(set(gone))
    with pytest.raises(Error):
        function.remote(1)


@requirement("app.ephemeral")
@pytest.mark.parametrize("how", ["raise", "SIGTERM", "SIGKILL"])
def test_a_program_that_ends_takes_its_containers_along(
    target: Target, how: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By an error, a signal, or `kill -9`: nothing below it is left, daemons of its containers included."""
    program = tmp_path_factory.mktemp("program") / "killed.py"
    program.write_text(PROGRAM)
    before, mark = set(traces.descendants()), traces.new_mark()
    command = [sys.executable, str(program), target.choice, how, mark]
    environment = {**os.environ, "INTERMODAL_GRACE_S": "1"}
    target.witness.asked("program")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        if how != "raise":
            process.send_signal(signal.Signals[how])
        process.wait(60)
    left = traces.settle(before, PATIENCE_S, mark)
    assert left == {}
