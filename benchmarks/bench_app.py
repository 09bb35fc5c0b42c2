"""The app that is measured: nothing but defaults, since those are what most people run."""

from __future__ import annotations

import time
from typing import Any

import intermodal

app = intermodal.App("bench")
with_numpy = intermodal.Image.debian_slim().pip_install("numpy")


@app.function()
def noop(x: int) -> int:
    return x


@app.function(image=with_numpy)
def echo(value: Any) -> Any:
    return value


@app.function()
def length(value: bytes) -> int:
    return len(value)


@app.function(single_use_containers=True)
def started() -> float:
    """When the first (and only) input of a new container runs, on the clock that all processes share."""
    return time.monotonic()


@app.cls(image=with_numpy, enable_memory_snapshot=True, single_use_containers=True)
class Snapshot:
    """The same from a memory snapshot, each container a fork of a template that has imported numpy."""

    @intermodal.enter(snap=True)
    def load(self) -> None:
        import numpy as np

        self.total = float(np.arange(1000).sum())

    @intermodal.method()
    def started(self) -> float:
        return time.monotonic()
