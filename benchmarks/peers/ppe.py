"""The standard library's concurrent.futures.ProcessPoolExecutor."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from typing import Any

import work
from peers import WORKERS


class ProcessPool:
    """One task for each input, as Intermodal does it."""

    parts = frozenset({"throughput", "latency", "echo-bytes", "echo-numpy"})
    chunksize = 1

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(WORKERS)

    def call(self, value: Any) -> Any:
        return self._pool.submit(work.noop, value).result()

    def map(self, count: int) -> int:
        return sum(self._pool.map(work.noop, range(count), chunksize=self.chunksize))

    def echo(self, value: Any) -> Any:
        return self._pool.submit(work.echo, value).result()

    def close(self) -> None:
        self._pool.shutdown()


class ProcessPoolChunked(ProcessPool):
    """64 inputs a task: one failure fails the chunk, and results come by the chunk."""

    parts = frozenset({"throughput"})
    chunksize = 64
