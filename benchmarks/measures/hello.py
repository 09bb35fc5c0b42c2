"""The wall time of `intermodal run` on a hello world, images built and files cached."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from measures import About

ABOUT = {
    "hello": About("`intermodal run` hello world", "s", "lower"),
    "help": About("`intermodal --help`", "s", "lower"),
}
_BIN = Path(sys.executable).parent
_HERE = Path(__file__).parents[1]
#: What an installer compiles once is compiled by the warm run here.
_ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _wall(arguments: list[str], samples: int) -> float:
    took = []
    for _ in range(samples + 1):
        started = time.perf_counter()
        subprocess.run([_BIN / "intermodal", *arguments], check=True, capture_output=True, cwd=_HERE, env=_ENV)
        took.append(time.perf_counter() - started)
    return median(took[1:])


def measure(quick: bool) -> dict[str, float]:
    """Seconds; the median after one warm run."""
    samples = 2 if quick else 9
    return {"hello": _wall(["run", "hello_app.py"], samples), "help": _wall(["--help"], samples)}
