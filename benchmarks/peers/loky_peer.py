"""loky: the reusable process pool under joblib."""

from __future__ import annotations

from typing import Any

import loky

import work
from peers import WORKERS


class Loky:
    """loky.ProcessPoolExecutor, one task for each input."""

    parts = frozenset({"throughput", "latency", "echo-bytes", "echo-numpy"})

    def __init__(self) -> None:
        self._pool = loky.ProcessPoolExecutor(WORKERS)

    def call(self, value: Any) -> Any:
        return self._pool.submit(work.noop, value).result()

    def map(self, count: int) -> int:
        return sum(self._pool.map(work.noop, range(count), chunksize=1))

    def echo(self, value: Any) -> Any:
        return self._pool.submit(work.echo, value).result()

    def close(self) -> None:
        self._pool.shutdown(kill_workers=True)
