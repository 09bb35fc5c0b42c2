"""Installing wheels that a test has just built."""

from __future__ import annotations

from pathlib import Path

__all__ = ["options"]


def options(directory: Path) -> list[str]:
    """For `uv pip install`: the wheels in `directory`, and none of those names that uv remembers from an earlier run,
    which had the same version and perhaps the same path."""
    names = sorted({wheel.name.split("-")[0].replace("_", "-") for wheel in directory.glob("*.whl")})
    return ["--find-links", str(directory), *(f"--refresh-package={name}" for name in names)]
