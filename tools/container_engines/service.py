"""A long-lived process that this program started, and that outlives it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from container_engines.failure import Failure

__all__ = ["Service"]

_READY_SECONDS = 120
_STOP_SECONDS = 60
_BETWEEN_TRIES = 0.1


class Service:
    """One process, its log and the note of its id, in the state directory."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._note = directory / f"{name}.json"

    def pid(self) -> int | None:
        """The process that was started by an earlier `start` and still runs."""
        try:
            note = json.loads(self._note.read_text())
        except (OSError, ValueError):
            return None
        return note["pid"] if _born(note["pid"]) == note["born"] else None

    def start(self, words: list[str], why_not: Callable[[], str | None], env: Mapping[str, str]) -> None:
        """Start it, and return when it is ready: when `why_not` gives None. Raises `Failure`."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            begin = log.tell()
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", env=env
            )
        self._note.write_text(json.dumps({"pid": process.pid, "born": _born(process.pid)}))
        deadline = time.monotonic() + _READY_SECONDS
        while (reason := why_not()) is not None:
            try:
                process.wait(_BETWEEN_TRIES)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
                self.stop()
                reason = f"not ready in {_READY_SECONDS} s: {reason}"
            else:
                reason = f"it ended with status {process.returncode}"
            raise Failure(f"{self.name} does not run: {reason}. {self.log} ends with\n{self._tail(begin)}")
        process.returncode = 0  # it goes on without us, and needs no warning about that

    def stop(self) -> bool:
        """Stop it, if it runs, and wait for its end. False: it did not run. Raises `Failure`."""
        pid = self.pid()
        if pid is None:
            return False
        descriptor = os.pidfd_open(pid)
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                signal.pidfd_send_signal(descriptor, number)
                if select.select([descriptor], [], [], _STOP_SECONDS)[0]:
                    self._note.unlink()
                    return True
        finally:
            os.close(descriptor)
        raise Failure(f"{self.name} (process {pid}) cannot be stopped")

    def _tail(self, begin: int) -> str:
        with self.log.open("rb") as log:
            log.seek(begin)
            return "\n".join(log.read().decode(errors="replace").splitlines()[-15:])


def _born(pid: int) -> str | None:
    """When the process began: tells it from a later one with the same number. None: there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
