"""The command as users run it: a process of its own, in an empty directory, with nothing of this machine's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What the process gets: no INTERMODAL_ settings from outside, a data directory of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INTERMODAL_", "MODAL_", "XDG_"))}
    return {
        **kept,
        "INTERMODAL_DATA_DIR": str(tmp_path / "data"),
        "HOME": str(tmp_path),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }


@pytest.fixture
def cli(tmp_path: Path, environment: dict[str, str]) -> Cli:
    """`cli("run", "x.py", env={...})` → the completed process, run in `tmp_path`."""

    def run(*words: str, env: dict[str, str] | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "intermodal.cli", *words],
            cwd=tmp_path,
            env={**environment, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
