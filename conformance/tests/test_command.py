"""The real command on the local backend."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).parent / "intermodal-conformance"


def run(tmp_path: Path, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was printed, and the report."""
    report = tmp_path / "report.json"
    command = [str(COMMAND), "--backend", "local", "--json", str(report), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=880)
    return (
        done.returncode,
        done.stdout + done.stderr,
        json.loads(report.read_text()) if report.exists() else {},
    )


def test_only_some_requirements_have_a_status_and_no_verdict(tmp_path: Path) -> None:
    """`--only` is for developing."""
    code, text, report = run(tmp_path, "--only", "map.order,call.identity")
    assert code == 3, text
    assert "no verdict" in text
    assert report["verdict"] == "no verdict"
    assert report["requirements"]["map.order"]["status"] == "pass"
    assert report["requirements"]["call.identity"]["status"] == "pass"
    assert report["requirements"]["batch.form"]["status"] == "missing"


def test_a_usage_error_is_told(tmp_path: Path) -> None:
    """An unknown requirement, an unknown backend."""
    code, text, _ = run(tmp_path, "--only", "map.odrer")
    assert (code, "map.odrer" in text) == (2, True)
    code, text, _ = run(tmp_path, "--backend", "nowhere")
    assert (code, "not installed" in text) == (2, True)


def test_a_test_that_does_not_end_in_time_fails_in_words(tmp_path: Path) -> None:
    """`--test-deadline`: a hang is no pass, and does not last for ever."""
    _, text, report = run(tmp_path, "--only", "map.order", "--test-deadline", "0.01")
    assert report["requirements"]["map.order"]["status"] == "fail", text
    assert "did not end within its deadline" in " ".join(report["requirements"]["map.order"]["words"])
