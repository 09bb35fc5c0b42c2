"""No-op map: how many inputs a second go out, run and come back, one by one."""

from __future__ import annotations

import time

from measures import About
from peers import Peer

ABOUT = About("no-op map", "inputs/s", "higher")


def _seconds(peer: Peer, count: int) -> float:
    started = time.perf_counter()
    total = peer.map(count)
    took = time.perf_counter() - started
    assert total == count * (count - 1) // 2, "results are missing or wrong"
    return took


def measure(peer: Peer, seconds: float) -> float:
    """Find a count that takes about `seconds`, then time one map of it."""
    count, took = 100, 0.0
    while True:
        took = _seconds(peer, count)
        if took >= seconds / 5:
            break
        count *= 3
    count = max(int(count * seconds / took), 100)
    return count / _seconds(peer, count)
