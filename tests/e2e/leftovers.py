"""What is left of sessions that used a data directory: processes, run directories, mounts, control groups, files."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

#: What exists within a data directory only while something is going on.
_PASSING = (
    ("local/runs", "*"),
    ("local/runs", ".new-*"),
    ("local/base", ".new-*"),
    ("local/layers/tmp", "*"),
    ("locks/reservations", "*.json"),
    ("guest", ".making-*"),
    ("guest", ".note-*"),
    ("trees", ".tmp-*"),
    ("blobs/.tmp", "*"),
)


class Leftovers:
    """Looks for traces of every session on one data directory, however it ended.

    A process is such a trace if its command line or environment names the directory, or its mount namespace has
    something of it mounted: that finds containers, zygotes, supervisors, build steps and clients alike.

    Args:
        data: the data directory, which nobody else uses.
        temporary: a `TMPDIR` that only those sessions use.
    """

    def __init__(self, data: Path, temporary: Path) -> None:
        self._data = data
        self._temporary = temporary
        self._groups: set[str] = set()

    def note(self) -> None:
        """Remember the control groups of the sessions that run now: `found` looks whether they are gone."""
        for listing in (self._data / "local" / "runs").glob("*/cgroups"):
            try:
                self._groups.update(line for line in listing.read_text().split("\n") if line)
            except FileNotFoundError:
                continue

    def found(self) -> list[str]:
        """What there is now; empty where nothing is left."""
        self.note()
        places = [
            *(path for folder, pattern in _PASSING for path in (self._data / folder).glob(pattern)),
            *self._temporary.glob("*"),
            *(Path(group) for group in self._groups if os.path.isdir(group)),
        ]
        return [*self._processes(), *self._mounts(), *map(str, places)]

    def nothing_within(self, seconds: float) -> None:
        """Wait until nothing is left. Raises `AssertionError` naming what still is after `seconds`."""
        deadline = time.monotonic() + seconds
        while left := self.found():
            assert time.monotonic() < deadline, "left behind:\n" + "\n".join(left)
            time.sleep(0.01)

    def clear(self) -> None:
        """Kill what is left, so that a failed test does not disturb others."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue

    def processes(self) -> list[int]:
        """The process ids of everything that belongs to those sessions."""
        mark = os.fsencode(str(self._data))
        return [
            pid
            for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if pid != os.getpid() and any(mark in _read(pid, name) for name in ("cmdline", "environ", "mountinfo"))
        ]

    def _processes(self) -> list[str]:
        mounted = self._mounts()  # then every process has them in its namespace
        if mounted:
            return []
        return [f"process {pid}: {_read(pid, 'cmdline').replace(bytes(1), b' ').decode()}" for pid in self.processes()]

    def _mounts(self) -> list[str]:
        mark = f"{self._data}/local/runs"
        return [f"mount {line}" for line in Path("/proc/self/mountinfo").read_text().splitlines() if mark in line]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended, or is none of this user's
        return b""
