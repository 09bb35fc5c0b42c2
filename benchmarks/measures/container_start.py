"""Container start: from the call that needs a new container to its first input running, image built."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from measures import About

ABOUT = {
    "container-start": About("container start, p50", "ms", "lower"),
    "container-start-snapshot": About("container start from a snapshot with numpy, p50", "ms", "lower"),
}


def _p50(call: Callable[[], float], samples: int) -> float:
    call()  # builds the image, makes the template
    took = []
    for _ in range(samples):
        before = time.monotonic()
        took.append(call() - before)
    return median(took) * 1e3


def measure(quick: bool) -> dict[str, float]:
    """Milliseconds; every call gets a container of its own."""
    import bench_app  # here, so that reading ABOUT starts nothing

    samples = 5 if quick else 40
    with bench_app.app.run():
        return {
            "container-start": _p50(bench_app.started.remote, samples),
            "container-start-snapshot": _p50(bench_app.Snapshot().started.remote, samples),
        }
