"""Times and sizes as people write and read them."""

from __future__ import annotations

import re
import time
from datetime import datetime

import click

__all__ = ["ago", "moment", "seconds", "size"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def seconds(text: str) -> float:
    """What `--older-than` says, in seconds. Raises `click.UsageError`."""
    found = _span(text)
    if found is None:
        raise click.UsageError(f"--older-than takes a time such as 90s, 30m, 12h or 7d, not {text!r}")
    return found


def moment(text: str, option: str) -> float:
    """What `option` says, a span before now or a time with its date, in Unix seconds. Raises `click.UsageError`."""
    span = _span(text)
    if span is not None:
        return time.time() - span
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.UsageError(
            f"{option} takes a time ago such as 90s, 30m, 12h or 7d, or one like 2026-01-31T08:30, not {text!r:.80}"
        ) from None


def _span(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    return float(found[1]) * _UNITS[found[2]] if found else None


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
