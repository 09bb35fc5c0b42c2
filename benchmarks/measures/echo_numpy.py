"""64 MiB echo of a NumPy array."""

from __future__ import annotations

import numpy as np

from measures import About, echo
from peers import Peer

ABOUT = About("64 MiB echo, NumPy array", "MiB/s", "higher")


def measure(peer: Peer, seconds: float) -> float:
    """MiB/s."""
    value = np.random.default_rng(1).integers(0, 1 << 62, (echo.MIB << 20) // 8)
    return echo.rate(peer, value, lambda result: bool((result == value).all()), seconds)
