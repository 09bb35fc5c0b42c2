"""64 MiB echo of a `bytes`."""

from __future__ import annotations

import os

from measures import About, echo
from peers import Peer

ABOUT = About("64 MiB echo, bytes", "MiB/s", "higher")


def measure(peer: Peer, seconds: float) -> float:
    """MiB/s."""
    value = os.urandom(echo.MIB << 20)
    return echo.rate(peer, value, value.__eq__, seconds)
