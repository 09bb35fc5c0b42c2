"""The verdict of the conformance suite on real engines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from intermodal_docker.engine import Engine

SECONDS = 1200


@pytest.mark.one_user
@pytest.mark.timeout(SECONDS + 60)
def test_the_backend_conforms(engine: Engine, tmp_path: Path) -> None:
    """Every requirement passes, or is refused by name."""
    report = tmp_path / "report.json"
    command = Path(sys.executable).parent / "intermodal-conformance"
    done = subprocess.run(
        [command, "--backend", engine.name, "--json", report],
        env={**os.environ, "INTERMODAL_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(report.read_text())["claim"].startswith("spec"), done.stdout
