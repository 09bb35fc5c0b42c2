"""Tests whose engine is not here are left out in the open, and never in continuous integration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engines_here import BACKENDS, ENGINES

ROOT = Path(__file__).parents[1]
ABSENT = {"DOCKER_HOST": "unix:///absent.sock", "CONTAINER_HOST": "unix:///absent.sock"}


def collect(directory: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one test that takes `backend`, on a machine without engines."""
    test = directory / "test_one.py"
    test.write_text("def test_one(backend):\n    print('ran', backend)\n")
    words = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "engines_here", "-sq", *options]
    support = str(ROOT / "tests" / "support")
    clean = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST_")}
    return subprocess.run(
        [*words, str(test)],
        cwd=directory,
        env={**clean, **ABSENT, "PYTHONPATH": support, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_what_is_left_out_is_said_with_the_reason_and_the_way_out(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Backends without an engine run; the others are named at the end."""
    done = collect(tmp_path, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ENGINES:
        assert f"1 tests of {name} were left out: {name}: no engine listens at /absent.sock" in done.stdout
    assert "tools/engines up" in done.stdout
    assert f"{len(BACKENDS) - len(ENGINES)} passed" in done.stdout


def test_continuous_integration_fails_without_an_engine(tmp_path: Path) -> None:
    """With `CI=true` nothing is left out."""
    done = collect(tmp_path, CI="true")
    assert done.returncode != 0
    assert "engines that tests need are not here" in done.stderr
    assert "ran local" not in done.stdout
