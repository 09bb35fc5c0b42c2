"""Figures to reach, and rounds that are measured in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Limit", "Numbers", "choose", "in_process", "wall"]

#: What → every number.
Numbers = dict[str, list[float]]
_ROUND_S = 1800


@dataclass(frozen=True)
class Limit:
    """`most` or `least` of something; `unit` is "×" for ratios."""

    most: float | None = None
    least: float | None = None
    unit: str = "×"

    def verdict(self, value: float) -> str:
        """Whether it was reached."""
        good = (self.most is None or value <= self.most) and (self.least is None or value >= self.least)
        return "reached" if good else "**not reached**"

    def __str__(self) -> str:
        return f"≤ {self.most:,g} {self.unit}" if self.most is not None else f"≥ {self.least:,g} {self.unit}"


def in_process(module: str, *arguments: str) -> Numbers:
    """Run a module whose last line of output is its numbers as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_ROUND_S,
        check=True,
    )
    found: Numbers = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def choose(backend: str, *, prewarm: bool) -> None:
    """What this process's runs are carried out by."""
    os.environ["INTERMODAL_BACKEND"] = backend
    os.environ["INTERMODAL_PREWARM"] = str(prewarm).lower()


def wall(command: list[str]) -> float:
    """Seconds that a whole command takes."""
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began
