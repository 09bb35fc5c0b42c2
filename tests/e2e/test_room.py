"""Idle containers of one program give way to another program of the same machine (scale.resources)."""

from __future__ import annotations

import os
import subprocess

from workplace import Workplace

#: All cores of this machine.
CORES = len(os.sched_getaffinity(0))

APP = f"""
    import sys

    import intermodal

    app = intermodal.App("an-app")

    @app.function(cpu={CORES}, scaledown_window=3600)
    def square(x: int) -> int:
        return x * x

    if __name__ == "__main__":
        with app.run():
            for line in sys.stdin:
                print(square.remote(int(line)), flush=True)
    """


def test_idle_containers_of_another_program_give_way(place: Workplace) -> None:
    """Each of two programs needs the whole machine for a call, and would keep its container for an hour: they take
    turns."""
    script = str(place.write("turns.py", APP))
    programs = [place.start(script, stdin=subprocess.PIPE) for _ in range(2)]
    try:
        for number in range(3):
            for program in programs:
                assert program.stdin is not None
                assert program.stdout is not None
                program.stdin.write(f"{number}\n")
                program.stdin.flush()
                assert program.stdout.readline() == f"{number * number}\n"
    finally:
        for program in programs:
            program.communicate(timeout=60)
    assert [program.returncode for program in programs] == [0, 0]
