"""Cpu and memory that engines of one host have promised to containers: one locked file per supervisor, summed under
a lock.

The kernel drops a file's lock when its supervisor ends, so a stale promise counts for nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator


class Reservations:
    """The promises of this supervisor among those of all others below `folder`."""

    def __init__(self, folder: str, session: str, cpu: float, memory: int) -> None:
        """`cpu` cores and `memory` MiB are what the host has in all."""
        os.makedirs(folder, exist_ok=True)
        self._folder = folder
        self._total = (cpu, memory)
        self._path = f"{folder}/{session}.json"
        self._held: dict[str, tuple[float, int]] = {}
        with self._alone():
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)

    def take(self, name: str, cpu: float, memory: int) -> str | None:
        """Promise to container `name`; None if done, else words about what is missing now."""
        with self._alone():
            others_cpu, others_memory = self._others()
            own_cpu, own_memory = self._own()
            free_cpu = self._total[0] - others_cpu - own_cpu
            free_memory = self._total[1] - others_memory - own_memory
            if cpu > free_cpu + 1e-6:
                return (
                    f"{cpu:g} cores are asked for, {max(0.0, free_cpu):g} of {self._total[0]:g} are free on this host"
                )
            if memory > free_memory:
                return f"{memory} MiB are asked for, {max(0, free_memory)} of {self._total[1]} are free on this host"
            self._held[name] = (cpu, memory)
            self._write()
        return None

    def change(self, name: str, cpu: float) -> None:
        """Give back or take again the cpu part of a container that runs: this never waits."""
        if name in self._held:
            self._held[name] = (cpu, self._held[name][1])
            self._write()

    def drop(self, name: str) -> None:
        """Forget a container. Idempotent."""
        if self._held.pop(name, None) is not None:
            self._write()

    def close(self) -> None:
        """Give everything back."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        os.close(self._fd)

    def _own(self) -> tuple[float, int]:
        return sum(cpu for cpu, _ in self._held.values()), sum(memory for _, memory in self._held.values())

    def _write(self) -> None:
        data = json.dumps(self._own()).encode().ljust(64)
        os.pwrite(self._fd, data, 0)

    def _others(self) -> tuple[float, int]:
        cpu, memory = 0.0, 0
        for entry in os.scandir(self._folder):
            if not entry.name.endswith(".json") or entry.path == self._path:
                continue
            with contextlib.suppress(OSError, ValueError):
                cores, mebibytes = _promise(entry.path)
                cpu += cores
                memory += mebibytes
        return cpu, memory

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with open(f"{self._folder}/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _promise(path: str) -> tuple[float, int]:
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            cpu, memory = json.loads(file.read() or "[0, 0]")
            return cpu, memory
        os.unlink(path)
    return 0.0, 0
