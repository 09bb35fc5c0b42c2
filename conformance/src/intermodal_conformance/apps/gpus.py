"""Functions for gpu.*; tests give them their GPUs with `with_options`."""

from __future__ import annotations

import os
import time

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


@app.function(**SMALL)
def no_devices() -> str | None:
    """What a container without any sees."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")
