"""What every page says of the machine it was measured on, and how its tables look."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from pathlib import Path

__all__ = ["busy", "described", "number", "table"]


def number(value: float) -> str:
    """Three significant digits, thousands separated."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """As Markdown; all columns but the first are right-aligned."""
    lines = [list(head), *map(list, rows)]
    rule = ["---"] + ["---:"] * (len(lines[0]) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [lines[0], rule, *lines[1:]])


def described() -> str:
    """The day, the machine, its kernel and its Python."""
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores ({_cpu()}), Linux {platform.release()}, Python\n"
        f"{platform.python_version()}"
    )


def busy() -> str:
    """A paragraph that warns of numbers from a machine with other work; "" where it had none."""
    minutes = os.getloadavg()[2]
    cores = os.cpu_count() or 1
    if minutes <= 1.5 * cores:
        return ""
    return (
        f"\n**The machine was busy with other work:** load {minutes:.1f} on {cores} cores over the last "
        "quarter of an hour. Take the numbers as lower bounds, and start-up times least seriously.\n"
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
