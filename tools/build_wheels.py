"""usage: build_wheels.py DIRECTORY: the wheel of every distribution, built from the checkout without network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = ("core", "backends/local", "backends/docker", "contrib/otel", "conformance", ".")


def build(directory: Path) -> list[Path]:
    """Build all wheels into `directory`; their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    for distribution in DISTRIBUTIONS:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory.resolve())]
        subprocess.run(command, cwd=ROOT / distribution, check=True, stdout=subprocess.DEVNULL)
    return sorted(directory.glob("*.whl"))


if __name__ == "__main__":
    for wheel in build(Path(sys.argv[1])):
        print(wheel)
