"""Functions with limits, for the end-to-end tests."""

from __future__ import annotations

import os
import subprocess

import intermodal

app = intermodal.App("limits")


@app.function(cpu=(0.1, 0.5))
def half_a_core() -> tuple[int, int]:
    """How many cores it may run on, itself and a program that it starts."""
    program = subprocess.check_output(["nproc"], env={"PATH": "/usr/bin:/bin"})
    return len(os.sched_getaffinity(0)), int(program)


@app.function(cpu=0.1)
def unlimited() -> int:
    return len(os.sched_getaffinity(0))


@app.function()
def system_calls() -> str:
    """How they are filtered: 2 is by a program."""
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith("Seccomp:"))
