"""Running the suite against a mutant, in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mutants.table import Mutant

__all__ = ["AT_ONCE", "Examiner", "Found", "suite"]

_TESTS = Path(__file__).parents[1]
#: Seconds for one test of the suite, generous for a busy machine; and where one is known to use them up.
_PATIENCE_S, _SHORT_PATIENCE_S = 60, 15
#: Mutants examined at the same time: for the most part they wait.
AT_ONCE = 4
#: Seconds for all of it.
_DEADLINE_S = 240


@dataclass(frozen=True, slots=True)
class Found:
    """What the suite said of a mutant. `harmless` is the status of the requirement that it must keep."""

    mutant: Mutant
    status: str
    words: str
    harmless: str
    verdict: str
    seconds: float

    @property
    def caught(self) -> bool:
        """The named requirement found it, nothing else went wrong, and the verdict is not in its favour."""
        kept = self.mutant.keeps is None or self.harmless == "pass"
        return self.status in self.mutant.caught and kept and self.verdict != "conformant"


def suite(*arguments: str, settings: Mapping[str, str] | None = None) -> tuple[dict[str, Any], str]:
    """Run the command with these arguments; its report, and what it printed. The report is empty where it made none."""
    path = os.pathsep.join(filter(None, [str(_TESTS), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, **(settings or {})}
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        file = Path(folder, "report.json")
        command = [sys.executable, "-m", "intermodal_conformance", "--json", str(file), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        report = json.loads(file.read_text()) if file.exists() else {}
    return report, done.stdout + done.stderr


class Examiner:
    """Examines mutants, several at a time. Runs that follow each other share a data directory: what is cached there
    (the images' ground, byte code) would else cost more than the tests."""

    def __init__(self, backend: str, folder: Path, at_once: int = AT_ONCE) -> None:
        self._backend = backend
        self._free: SimpleQueue[Path] = SimpleQueue()
        for number in range(at_once):
            self._free.put(folder / f"data-{number}")

    def __call__(self, mutant: Mutant) -> Found:
        """What the suite says of it."""
        data_dir = self._free.get()
        try:
            return _examine(mutant, self._backend, data_dir)
        finally:
            self._free.put(data_dir)


def _examine(mutant: Mutant, backend: str, data_dir: Path) -> Found:
    began = time.monotonic()
    only = ",".join(filter(None, (mutant.requirement, mutant.keeps)))
    arguments = ["--backend", backend, "--data-dir", str(data_dir), "-p", mutant.plugin, "--only", only]
    # Random programs would find it too, and then look for the smallest one for long.
    arguments += ["-k", "not random_programs"]
    in_vain = mutant.hangs or mutant.late
    patience = _SHORT_PATIENCE_S if in_vain else _PATIENCE_S
    arguments += ["--test-deadline", str(patience), "--deadline", str(_DEADLINE_S)] + ["-x"] * in_vain
    report, output = suite(*arguments, settings=mutant.settings)
    findings = report.get("requirements", {})
    finding = findings.get(mutant.requirement, {"status": "no report", "words": [output.strip()[-600:]]})
    return Found(
        mutant=mutant,
        status=finding["status"],
        words="; ".join(finding["words"]),
        harmless=findings.get(mutant.keeps, {}).get("status", ""),
        verdict=report.get("verdict", ""),
        seconds=time.monotonic() - began,
    )
