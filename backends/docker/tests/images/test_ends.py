"""Builds that end in the middle leave nothing for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from typing import Any

from intermodal.specs import RunCommands
from intermodal_docker.images.names import reference
from private_engines import until

_BUILD = """
import asyncio, sys
from pathlib import Path
from conftest import Workshop
from intermodal.specs import RunCommands
workshop = Workshop(sys.argv[1], Path(sys.argv[2]), {}, sys.argv[3])
workshop.said.told = lambda line: print(line, flush=True)
workshop.build(RunCommands(commands=("echo begun", "sleep 600")))
"""


def test_a_killed_builds_step_ends_and_its_container_is_removed_by_the_next(workshop: Any) -> None:
    """The step holds a GPU as long as it runs, perhaps. Its container has its session's labels; no layer was named."""
    told = (workshop.backend, str(workshop.data), workshop.mark)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])}
    step = RunCommands(commands=("echo begun", "sleep 600"))
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _BUILD, *told], env=env, stdout=subprocess.PIPE, text=True
    ) as build:
        assert build.stdout is not None
        assert any(line == "begun\n" for line in build.stdout)
        build.send_signal(signal.SIGKILL)
        build.wait()
    key = workshop.keys(step)[1]
    (left,) = workshop.engine.containers({"intermodal.layer": key})
    until(lambda: not workshop.engine.container(left.id).running, "the step ends with its build")
    workshop.build(RunCommands(commands=(f"true {uuid.uuid4()}",)))
    workshop.builder._threads.shutdown()
    assert not workshop.engine.containers({"intermodal.layer": key})
    assert workshop.engine.image(reference(key)) is None


def test_a_container_made_of_a_layer_by_hand_is_nobodys(workshop: Any) -> None:
    """The layer's labels are not those of the session that made it."""
    details = workshop.engine.image(workshop.build(RunCommands(commands=("true",))).ref)
    assert details.labels["intermodal.owner"] == "image"
