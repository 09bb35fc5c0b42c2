"""wrk: requests without a pause on connections that are kept."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

__all__ = ["Load", "background", "measured", "read"]

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Load:
    """What wrk has seen: requests each second, the median in ms, and what was no answer of 200."""

    rate: float
    p50_ms: float
    failed: int


def background(url: str, connections: int, seconds: float) -> subprocess.Popen[str]:
    """Starts it."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read(process: subprocess.Popen[str]) -> Load:
    """Its end."""
    text, _ = process.communicate()
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    median = re.search(r"50%\s+([\d.]+)(us|ms|s)", text)
    assert rate is not None, text
    assert median is not None, text
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    failed = sum(map(int, errors.groups())) if errors is not None else 0
    return Load(float(rate[1]), float(median[1]) * _UNITS[median[2]], failed + (int(other[1]) if other else 0))


def measured(url: str, connections: int, seconds: float) -> Load:
    """Runs it."""
    return read(background(url, connections, seconds))
