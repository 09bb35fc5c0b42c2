"""The same file on every backend that is here: identical results, down to the byte."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from engines_here import BACKENDS, containers_left
from intermodal_conformance.model import Program, outcomes
from intermodal_conformance.programs import FAMILIES, programs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
#: Arguments for examples that take long. What is left in is the same on all backends.
SHORT = {"lex_stdlib": ["--limit", "150", "--fresh"]}
#: In what examples print: how many containers there were, how long it took, and what each of them said is no result.
MEASURED = re.compile(r"^(\d+ containers, .*|\S+ c-[0-9a-f]+-\d+ \| .*)\n", re.MULTILINE)
SECONDS = 280
REFERENCE = BACKENDS[0]
PROGRAMS = 200


def started(words: list[str], backend: str, data: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a user's process to its end on a backend, with the user's own configuration."""
    env = {**os.environ, "INTERMODAL_BACKEND": backend, "INTERMODAL_DATA_DIR": str(data), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, *words], env=env, capture_output=True, text=True, timeout=SECONDS, check=False, **options
    )
    assert done.returncode == 0, f"on {backend}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data directory for all of a run's backends, as a user has one. At the end no engine has containers of it."""
    directory = tmp_path_factory.mktemp("parity")
    yield directory
    assert containers_left(directory) == []


@cache
def example_on(backend: str, example: Path, data: Path) -> str:
    """What an example prints, without its measurements."""
    words = ["-m", "intermodal.cli", "run", str(example), *SHORT.get(example.stem, [])]
    return MEASURED.sub("", started(words, backend, data).stdout)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_the_same_on_every_backend(backend: str, example: Path, data: Path) -> None:
    """The demo is one of them."""
    printed = example_on(backend, example, data)
    assert printed.strip()
    assert printed == example_on(REFERENCE, example, data)


@cache
def random_programs() -> list[Program]:
    """Programs of every family, others in each run."""
    found: list[Program] = []
    each = -(-PROGRAMS // len(FAMILIES))
    for family in FAMILIES:

        @settings(
            max_examples=each,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.seed(os.urandom(8))
        @given(programs(family, 8))
        def collect(program: Program) -> None:
            found.append(program)

        collect()
    return found


@cache
def outcomes_on(backend: str, data: Path) -> list[str]:
    """Each program's trace and final state."""
    words = [str(HERE / "parity_programs.py")]
    return list(json.loads(started(words, backend, data, input=json.dumps(random_programs())).stdout))


def test_random_programs_end_alike_on_every_backend(backend: str, data: Path) -> None:
    """As the model says; where it allows several ends, one of those."""
    assert len(random_programs()) >= PROGRAMS
    ended = zip(random_programs(), outcomes_on(REFERENCE, data), outcomes_on(backend, data), strict=True)
    for program, reference, found in ended:
        allowed = outcomes(program)
        assert found in allowed, f"{json.dumps(program)} ended on {backend} as {found}; allowed: {sorted(allowed)[:4]}"
        assert found == reference or len(allowed) > 1
