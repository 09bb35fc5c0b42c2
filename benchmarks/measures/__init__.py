"""One module for each measured thing. A module has NAME, TITLE, UNIT, BETTER, and `measure`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["PEER_MEASURES", "SOLO_MEASURES", "About"]

#: Measured for every peer: `measure(peer, seconds) -> float`.
PEER_MEASURES = ("throughput", "latency", "echo-bytes", "echo-numpy")

#: Measured for Intermodal alone: `measure(quick) -> dict[str, float]`, or a curve beside it.
SOLO_MEASURES = ("container-start", "hello", "import-time", "memory", "payload-memory", "engine")


@dataclass(frozen=True)
class About:
    """What a number is. `unit` stands behind it; `better` says which direction is good."""

    title: str
    unit: str
    better: Literal["higher", "lower"]
