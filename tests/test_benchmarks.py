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


def told(*words: str) -> subprocess.CompletedProcess[str]:
    """What Python says in benchmarks/."""
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=RUN.parent, capture_output=True, text=True, timeout=120, check=False)


def test_the_page_of_engines_says_which_figures_were_reached() -> None:
    """Of medians; each engine for itself."""
    script = (
        "import json, sys; from engines import report; numbers = json.loads(sys.argv[1]);"
        "assert report.tables(numbers) in report.page(numbers, 3); print(report.tables(numbers))"
    )
    done = told("-c", script, json.dumps(MADE_UP))
    assert done.returncode == 0, done.stderr
    verdicts = [line for line in done.stdout.splitlines() if "reached" in line]
    assert len(verdicts) == 10
    assert all(("not reached" in line) == ("| podman |" in line) for line in verdicts), done.stdout
    assert "| first container ÷ `ENGINE run` | docker | ≤ 1.3 × | 1.25 × | reached |" in done.stdout


def test_an_engine_that_there_is_none_of_is_refused() -> None:
    """The message lists those that can be measured."""
    done = told("-m", "engines", "--backends", "moby")
    assert done.returncode != 0
    assert "no engine is called moby; there are: docker, podman" in done.stderr


#: Medians of made-up numbers: all but the growth of the commit and the exec of podman reach what there is to reach.
VOLUMES = {
    **{f"commit {size}": [value] for size, value in (("1000", 4.0), ("10000", 5.0), ("100000", 50.0))},
    **{f"reload {size}": [value] for size, value in (("1000", 20.0), ("10000", 20.0), ("100000", 30.0))},
    **{f"start {size}": [value] for size, value in (("1000", 40.0), ("10000", 50.0), ("100000", 60.0))},
    "start": [30.0],
    "cp": [2000.0, 1000.0, 3000.0],
    "upload": [1000.0],
    "put": [700.0],
    "small cp": [20_000.0],
    "small": [5000.0],
}
SANDBOXES = {
    "local": {"first output": [40.0], "exec": [8.0]},
    "docker": {"plain": [400.0], "first output": [520.0], "exec": [8.0]},
    "podman": {"plain": [400.0], "first output": [500.0], "exec": [8.1]},
}


def shown(module: str, numbers: object) -> list[str]:
    """The lines of a report with a verdict; they are in its page, too."""
    script = (
        f"import inspect, json, sys; from {module} import report; numbers = json.loads(sys.argv[1]);"
        "rest = [3] * (len(inspect.signature(report.page).parameters) - 1);"
        "assert report.tables(numbers) in report.page(numbers, *rest); print(report.tables(numbers))"
    )
    done = told("-c", script, json.dumps(numbers))
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if "reached" in line]


def test_the_page_of_volumes_says_which_figures_were_reached() -> None:
    """And shows the growth; what was not measured has no line."""
    verdicts = shown("volumes", VOLUMES)
    assert len(verdicts) == 7
    assert [line for line in verdicts if "not reached" in line] == [
        "| commit, 100,000 ÷ 10,000 files | ≤ 1.5 × | 10 × | **not reached** |"
    ]
    assert "| 1 GiB in 1,000 files, upload ÷ `cp -r` | ≥ 0.5 × | 0.5 × | reached |" in verdicts
    assert (
        len(shown("volumes", {"small": [4999.0], "small cp": [1.0], "cp": [1.0], "upload": [1.0], "put": [1.0]})) == 2
    )


def test_the_page_of_sandboxes_says_which_figures_were_reached() -> None:
    """Each backend against its own figures."""
    verdicts = shown("sandboxes", SANDBOXES)
    assert len(verdicts) == 6
    assert [line for line in verdicts if "not reached" in line] == [
        "| `true` in one that runs | podman | ≤ 8 ms | 8.1 ms | **not reached** |"
    ]
    assert "| create → first output ÷ `ENGINE run` | docker | ≤ 1.3 × | 1.3 × | reached |" in verdicts


def test_volumes_of_sizes_that_there_are_none_of_are_refused() -> None:
    """The message lists those that can be measured."""
    done = told("-m", "volumes", "--sizes", "12")
    assert done.returncode != 0
    assert "no volume has 12 files; there are: 1000, 10000, 100000" in done.stderr
