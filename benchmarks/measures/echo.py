"""64 MiB there and back: the median rate, counting the payload once."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from peers import Peer

MIB = 64


def rate(peer: Peer, value: Any, same: Callable[[Any], bool], seconds: float) -> float:
    """MiB/s over at least four trips after two warm ones; each result is checked, outside the time."""
    samples: list[float] = []
    end = time.perf_counter() + 2 * seconds
    while len(samples) < 6 or time.perf_counter() < end:
        started = time.perf_counter()
        result = peer.echo(value)
        samples.append(time.perf_counter() - started)
        assert same(result), "the echo is not what was sent"
        del result
    return MIB / median(samples[2:])
