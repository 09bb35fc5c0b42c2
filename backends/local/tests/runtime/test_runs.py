"""Directories of sessions, made while others remove what dead sessions left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from intermodal_local.runtime import cleanup

#: Makes directories until it is told to stop; says of each whether all of it is there.
MAKER = """
import os, sys
from intermodal_local.runtime.runs import session_directory

for number in range(int(sys.argv[2])):
    place = session_directory(sys.argv[1], f"{os.getpid()}-{number}")
    assert sorted(os.listdir(place)) == ["c", "lock", "stacks"], place
"""


def test_a_new_session_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    """However often others look; when its process has ended, its directories go."""
    runs = tmp_path / "runs"
    runs.mkdir()
    maker = subprocess.Popen([sys.executable, "-c", MAKER, str(runs), "80"])
    while maker.poll() is None:
        cleanup.reap_leftovers(str(runs))
    assert maker.returncode == 0
    cleanup.reap_leftovers(str(runs))
    assert os.listdir(runs) == []
