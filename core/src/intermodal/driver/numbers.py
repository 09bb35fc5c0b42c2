"""Numbers that containers and other clients send: JSON has NaN and infinite ones, the engine's clock has not."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["count", "seconds"]

_MANY = 1 << 31


def seconds(value: Any) -> float:
    """`value`, if it is a length of time. Raises `ValueError`."""
    if type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r:.60} is no number of seconds")
    return float(value)


def count(value: Any) -> int:
    """`value`, if so many things can be. Raises `ValueError`."""
    if type(value) is not int or not 0 <= value < _MANY:
        raise ValueError(f"{value!r:.60} is no number of things")
    return value
