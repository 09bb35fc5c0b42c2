"""Functions that ask for accelerators, for the end-to-end tests."""

from __future__ import annotations

import os
import time

import intermodal

app = intermodal.App("gpus")
#: Kind, names, since when, until when.
Held = tuple[str, str, float, float]


def devices(hold_s: float) -> Held:
    """The kind and names of the devices, and when they were held."""
    began = time.time()
    time.sleep(hold_s)
    return os.environ["INTERMODAL_GPU"], os.environ["CUDA_VISIBLE_DEVICES"], began, time.time()


@app.function(gpu="A100", scaledown_window=2)
def general(hold_s: float) -> Held:
    return devices(hold_s)


@app.function(gpu="a100-80gb:2", scaledown_window=2)
def pair(hold_s: float) -> Held:
    return devices(hold_s)


@app.function(gpu=["H100", "T4"], scaledown_window=2)
def listed(hold_s: float) -> Held:
    return devices(hold_s)


@app.function(gpu="any", scaledown_window=2)
def whatever(hold_s: float) -> Held:
    return devices(hold_s)


@app.function(gpu=["B200:8", "A100:5"])
def impossible(hold_s: float) -> Held:
    return devices(hold_s)


@app.function()
def visible_without() -> str | None:
    return os.environ.get("INTERMODAL_GPU")
