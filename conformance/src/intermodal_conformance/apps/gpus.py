"""Functions for gpu.*; tests give them their GPUs with `with_options`."""

from __future__ import annotations

import os
import time

import intermodal
from intermodal_conformance.apps.common import SMALL, app

NAMES = (
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "INTERMODAL_GPU",
    "INTERMODAL_GPU_COUNT",
)


@app.function(gpu="any", scaledown_window=1, **SMALL)
def devices(seconds: float = 0.0) -> tuple[dict[str, str | None], float, float]:
    """What the container sees of its devices, and from when to when it was there."""
    began = time.time()
    time.sleep(seconds)
    return {name: os.environ.get(name) for name in NAMES}, began, time.time()


@app.function(gpu="any", scaledown_window=1, **SMALL)
def together(here: intermodal.Dict, number: int, count: int) -> str | None:
    """What the container sees of its devices, once `count` of them are there at the same time."""
    here[number] = True
    deadline = time.monotonic() + 60
    while len(here) < count:
        assert time.monotonic() < deadline, f"only {len(here)} of {count} containers came"
        time.sleep(0.02)
    return os.environ.get("CUDA_VISIBLE_DEVICES")


@app.function(**SMALL)
def no_devices() -> str | None:
    """What a container without any sees."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")
