"""Ray on one machine: tasks, and actors."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

import ray

import work
from peers import WORKERS

#: Results are fetched in windows: millions of pending references would measure Ray's reference counting.
WINDOW = 2_000


def _start() -> tempfile.TemporaryDirectory[str]:
    directory = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    ray.init(
        num_cpus=WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=1 << 30,
        _temp_dir=directory.name,
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(work.__file__).parent)}},
    )
    return directory


class RayTasks:
    """One stateless task for each input."""

    parts = frozenset({"throughput", "latency", "echo-bytes", "echo-numpy"})

    def __init__(self) -> None:
        self._directory = _start()
        self._noop = ray.remote(work.noop)
        self._echo = ray.remote(work.echo)

    def call(self, value: Any) -> Any:
        return ray.get(self._noop.remote(value))

    def map(self, count: int) -> int:
        total = 0
        for start in range(0, count, WINDOW):
            total += sum(ray.get([self._noop.remote(x) for x in range(start, min(start + WINDOW, count))]))
        return total

    def echo(self, value: Any) -> Any:
        return ray.get(self._echo.remote(value))

    def close(self) -> None:
        ray.shutdown()
        self._directory.cleanup()


class _Worker:
    def noop(self, value: Any) -> Any:
        return value


class RayActors:
    """Method calls on one actor for each worker."""

    parts = frozenset({"throughput", "latency", "echo-bytes", "echo-numpy"})

    def __init__(self) -> None:
        self._directory = _start()
        actor = ray.remote(_Worker)
        self._actors = [actor.remote() for _ in range(WORKERS)]

    def call(self, value: Any) -> Any:
        return ray.get(self._actors[0].noop.remote(value))

    def map(self, count: int) -> int:
        total = 0
        for start in range(0, count, WINDOW):
            window = range(start, min(start + WINDOW, count))
            total += sum(ray.get([self._actors[x % WORKERS].noop.remote(x) for x in window]))
        return total

    def echo(self, value: Any) -> Any:
        return self.call(value)

    def close(self) -> None:
        ray.shutdown()
        self._directory.cleanup()
