"""Parsl with its HighThroughputExecutor."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import parsl
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

import work
from peers import WORKERS

_BIN = Path(sys.executable).parent


class Parsl:
    """One app call for each input."""

    parts = frozenset({"throughput", "latency", "echo-bytes", "echo-numpy"})

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="parsl-")
        executor = HighThroughputExecutor(
            label="htex",
            address="127.0.0.1",
            max_workers_per_node=WORKERS,
            cores_per_worker=1,
            encrypted=False,
            provider=LocalProvider(
                init_blocks=1,
                max_blocks=1,
                worker_init=f"export PYTHONPATH={Path(work.__file__).parent} PATH={_BIN}:$PATH",
            ),
        )
        os.environ["PATH"] = f"{_BIN}:{os.environ['PATH']}"
        config = Config(executors=[executor], run_dir=self._directory.name, strategy="none")
        parsl.set_file_logger(os.devnull)
        parsl.load(config)
        self._noop = parsl.python_app(work.noop)
        self._echo = parsl.python_app(work.echo)

    def call(self, value: Any) -> Any:
        return self._noop(value).result()

    def map(self, count: int) -> int:
        return sum(future.result() for future in [self._noop(x) for x in range(count)])

    def echo(self, value: Any) -> Any:
        return self._echo(value).result()

    def close(self) -> None:
        parsl.dfk().cleanup()
        parsl.clear()
        self._directory.cleanup()
