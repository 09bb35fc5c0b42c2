"""Intermodal itself: the default settings of `@app.function()`, on the local backend."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import bench_app


class Intermodal:
    """Results in input order."""

    parts = frozenset({"throughput", "latency", "echo-bytes", "echo-numpy"})
    ordered = True

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._stack.enter_context(bench_app.app.run())

    def call(self, value: Any) -> Any:
        return bench_app.noop.remote(value)

    def map(self, count: int) -> int:
        return sum(bench_app.noop.map(range(count), order_outputs=self.ordered))

    def echo(self, value: Any) -> Any:
        return bench_app.echo.remote(value)

    def close(self) -> None:
        self._stack.close()


class IntermodalUnordered(Intermodal):
    """Results as they come."""

    parts = frozenset({"throughput"})
    ordered = False
