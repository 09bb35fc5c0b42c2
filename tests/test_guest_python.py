"""The guest runs on the oldest Python that an image may have."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

CORE = Path(__file__).parents[1] / "core" / "src" / "intermodal"
ROOMS = ("__init__.py", "exception.py", "definitions", "specs", "client", "wire", "guest")


def python_3_10() -> str | None:
    """An interpreter of that version: one on PATH that answers, else one that uv knows of. None where there is none."""
    others = map(str, Path.home().glob(".pyenv/versions/3.10.*/bin/python"))
    for found in (shutil.which("python3.10"), _from_uv(), *others):
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    return None


def _from_uv() -> str | None:
    uv = Path(sys.executable).parent / "uv"
    command = [str(uv), "python", "find", "--no-python-downloads", "3.10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False) if uv.exists() else None
    return done.stdout.strip() or None if done else None


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """What a container is given: these rooms and cloudpickle, nothing else."""
    for room in ROOMS:
        source, target = CORE / room, tmp_path / "intermodal" / room
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    shutil.copytree(Path(cloudpickle.__file__).parent, tmp_path / "cloudpickle")
    return tmp_path


def test_every_guest_room_imports_under_python_3_10(bundle: Path) -> None:
    """Each module of the rooms that run in containers is imported there, with warnings as errors."""
    python = python_3_10()
    if python is None:
        pytest.skip("no Python 3.10 on this machine (the static check in test_architecture.py ran)")
    names = sorted(
        ".".join(path.relative_to(bundle).with_suffix("").parts).removesuffix(".__init__")
        for path in (bundle / "intermodal").rglob("*.py")
        if path.name != "__main__.py"
    )
    script = (
        f"import importlib, sys\nsys.path.insert(0, {str(bundle)!r})\n"
        f"for name in {names}:\n    importlib.import_module(name)"
    )
    done = subprocess.run([python, "-I", "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
