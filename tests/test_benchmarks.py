"""The benchmark programs run, so that `make bench` is not broken when somebody needs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[1] / "benchmarks" / "run.py"


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run benchmarks/run.py."""
    return subprocess.run([sys.executable, RUN, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_one_measure_of_one_peer_can_run_alone(tmp_path: Path) -> None:
    """`--only latency --peers ppe` measures just that, and every single number can be had as JSON."""
    done = bench("--only", "latency", "--peers", "ppe", "--quick", "--json", tmp_path / "numbers.json")
    assert done.returncode == 0, done.stderr
    assert "| ProcessPoolExecutor |" in done.stdout
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert list(numbers["rounds"]) == ["latency"]
    assert numbers["rounds"]["latency"]["ppe"][0] > 0


def test_the_engine_alone_is_measured_with_its_curves() -> None:
    """`--only engine` shows a rate and how it changes with containers and queued inputs."""
    done = bench("--only", "engine", "--quick")
    assert done.returncode == 0, done.stderr
    assert "| queued inputs | inputs/s |" in done.stdout
    assert "| containers | inputs/s |" in done.stdout


def test_an_unknown_measure_is_refused_with_those_that_exist() -> None:
    """The message lists what there is."""
    done = bench("--only", "speed")
    assert done.returncode != 0
    assert "unknown measure 'speed'" in done.stderr
    assert "latency" in done.stderr


def test_a_peer_that_fails_is_named_and_the_others_are_measured() -> None:
    """A peer whose library is missing ends in a note and a failing exit, after the rest was done."""
    done = bench("--only", "latency", "--peers", "loky,ppe", "--quick")
    assert "| ProcessPoolExecutor |" in done.stdout
    assert done.returncode != 0
    assert "not measured: loky" in done.stderr
