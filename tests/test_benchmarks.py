"""The benchmark programs run, so that `make bench` is not broken when somebody needs it."""

from __future__ import annotations

import json
import os
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


def test_queues_and_dicts_are_measured() -> None:
    """`make bench-state`, here without Redis and containers: a rate for each operation."""
    command = [sys.executable, "-m", "state", "--alone", "--here", "--rounds", "1", "--count", "10"]
    env = {**os.environ, "PYTHONPATH": str(RUN.parent)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for operation in ("Dict.put", "Dict.get", "Queue.put", "Queue.get", "Queue.put_many", "Queue.get_many"):
        assert f"| here | `{operation}` | " in done.stdout


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


#: Medians of made-up numbers: docker reaches what there is to reach, podman nothing.
MADE_UP = {
    "local": {"map": [1000.0], "call": [100.0]},
    "docker": {
        "plain": [0.4],
        "first container": [0.5, 0.1, 0.9],
        "next container": [0.04],
        "map": [800.0],
        "call": [130.0],
        "run": [0.9],
    },
    "podman": {
        "plain": [0.4],
        "first container": [0.6],
        "next container": [0.05],
        "map": [700.0],
        "call": [140.0],
        "run": [1.2],
    },
}


def test_the_page_of_engines_says_which_figures_were_reached() -> None:
    """Of medians; each engine for itself."""
    script = (
        "import json, sys; from engines import report; numbers = json.loads(sys.argv[1]);"
        "assert report.tables(numbers) in report.page(numbers, 3); print(report.tables(numbers))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(MADE_UP)],
        cwd=RUN.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdicts = [line for line in done.stdout.splitlines() if "reached" in line]
    assert len(verdicts) == 10
    assert all(("not reached" in line) == ("| podman |" in line) for line in verdicts), done.stdout
    assert "| first container ÷ `ENGINE run` | docker | ≤ 1.3 × | 1.25 × | reached |" in done.stdout


def test_an_engine_that_there_is_none_of_is_refused() -> None:
    """The message lists those that can be measured."""
    done = subprocess.run(
        [sys.executable, "-m", "engines", "--backends", "moby"],
        cwd=RUN.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert "no engine is called moby; there are: docker, podman" in done.stderr
