"""The image's Python may be another than the caller's: a real Debian of the next release, with its own Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from intermodal.specs import PythonPackages, Registry, RunCommands

_TAG = "localhost/intermodal-test/trixie:python"
_PROGRAM = f"""
import sys
import intermodal

app = intermodal.App("versions")
image = intermodal.Image.from_registry("{_TAG}")


@app.function(image=image)
def version(extra: list[int]) -> tuple[list[int], list[int]]:
    return list(sys.version_info[:2]), [*extra, 3]


@app.function(image=image, serialized=True)
def pickled() -> None:
    pass


@app.local_entrypoint()
def main() -> None:
    print(version.remote([1, 2]))
    try:
        pickled.remote()
    except Exception as error:
        print(error)
"""


@pytest.fixture(scope="session")
def trixie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a Debian 13 with Python 3.13, as a tar archive."""
    made = tmp_path_factory.mktemp("trixie") / "root.tar"
    if shutil.which("mmdebstrap") is None or os.geteuid() != 0:
        pytest.skip("the image is made by mmdebstrap, as root")
    words = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=python3", "trixie", str(made)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


def test_another_python_runs_functions_and_refuses_pickled_ones(workshop: Any, trixie: Path, tmp_path: Path) -> None:
    """Importable functions work with plain values; one without a source is refused, with both versions named."""
    workshop.engine.import_image(trixie.read_bytes(), _TAG)
    here, file = f"{sys.version_info.major}.{sys.version_info.minor}", tmp_path / "versions.py"
    file.write_text(_PROGRAM)
    try:
        built = workshop.build(base=Registry(tag=_TAG))
        assert built.python.startswith("3.13")
        environ = {**os.environ, "INTERMODAL_DATA_DIR": str(workshop.data)}
        words = [sys.executable, "-m", "intermodal.cli", "run", "--backend", workshop.backend, "--quiet", str(file)]
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        first, *rest = done.stdout.splitlines()
        assert first == "([3, 13], [1, 2, 3])"
        assert here in " ".join(rest)
        assert "3.13" in " ".join(rest)
    finally:
        workshop.engine.remove_image(_TAG)


def test_packages_are_installed_into_the_images_own_python(workshop: Any, trixie: Path) -> None:
    """Which has no pip: uv is brought along for the step."""
    workshop.engine.import_image(trixie.read_bytes(), _TAG)
    try:
        built = workshop.build(
            PythonPackages(packages=("six==1.17.0",)),
            RunCommands(commands=("python3 -c 'import six, sys; print(six.__version__, sys.version_info[1])'",)),
            base=Registry(tag=_TAG),
        )
        assert built.python.startswith("3.13")
        assert "1.17.0 13" in workshop.said.lines
    finally:
        workshop.engine.remove_image(_TAG)
