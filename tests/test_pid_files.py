"""`tools/engines up` starts engines that were killed: what they noted of themselves does not count any more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from container_engines.pid_files import PidFile

NAME = Path("/proc/self/comm").read_text().strip()


def test_the_note_of_a_daemon_that_runs_stays(tmp_path: Path) -> None:
    """It is the daemon's own."""
    note = tmp_path / "daemon.pid"
    note.write_text(str(os.getpid()))
    PidFile(note, NAME).remove_if_stale()
    assert note.exists()


@pytest.mark.parametrize("text", [str(os.getpid()), "", "no number", str(2**22 + 1)])
def test_a_number_that_is_no_such_daemon_is_forgotten(tmp_path: Path, text: str) -> None:
    """Another program's, nobody's, or none at all."""
    note = tmp_path / "daemon.pid"
    note.write_text(text)
    PidFile(note, "containerd").remove_if_stale()
    assert not note.exists()


def test_a_dead_daemon_that_nobody_has_reaped_is_forgotten(tmp_path: Path) -> None:
    """As in a container whose first process does not reap."""
    note = tmp_path / "daemon.pid"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as daemon:
        note.write_text(str(daemon.pid))
        name = Path(f"/proc/{daemon.pid}/comm").read_text().strip()
        daemon.kill()
        os.waitid(os.P_PID, daemon.pid, os.WEXITED | os.WNOWAIT)
        PidFile(note, name).remove_if_stale()
        assert not note.exists()


def test_no_note_is_fine(tmp_path: Path) -> None:
    """The first start."""
    PidFile(tmp_path / "daemon.pid", "dockerd").remove_if_stale()
