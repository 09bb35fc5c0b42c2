"""Single call: the median time from calling to having the result, with nothing else going on."""

from __future__ import annotations

import time
from statistics import median

from measures import About
from peers import Peer

ABOUT = About("one call, p50", "µs", "lower")


def measure(peer: Peer, seconds: float) -> float:
    """Call again and again for `seconds`, at least 30 times; the median in microseconds."""
    for warm in range(10):
        peer.call(warm)
    samples: list[float] = []
    end = time.perf_counter() + seconds
    while len(samples) < 30 or time.perf_counter() < end:
        started = time.perf_counter()
        peer.call(1)
        samples.append(time.perf_counter() - started)
    return median(samples) * 1e6
