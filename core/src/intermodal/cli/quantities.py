"""Times and sizes as people write and read them."""

from __future__ import annotations

import re

import click

__all__ = ["ago", "seconds", "size"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def seconds(text: str) -> float:
    """What `--older-than` says, in seconds. Raises `click.UsageError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if not found:
        raise click.UsageError(f"--older-than takes a time such as 90s, 30m, 12h or 7d, not {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def size(count: float) -> str:
    """Bytes, in the unit that reads best."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def ago(seconds: float) -> str:
    """How long ago, in the largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"
