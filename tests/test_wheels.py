"""What a user installs: wheels in an empty environment, far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import own_wheels

ROOT = Path(__file__).parents[1]
HELLO = """\
import intermodal

app = intermodal.App("hello-wheel")


@app.function()
def square(x: int) -> int:
    return x * x


@app.local_entrypoint()
def main(n: int = 5) -> None:
    print(sum(square.map(range(n))))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels of all distributions."""
    directory = tmp_path_factory.mktemp("wheels")
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "build_wheels.py", directory], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [Path(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def environment(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds `intermodal` and what its wheels ask for, nothing else."""
    venv = tmp_path_factory.mktemp("user") / "venv"
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, venv], check=True)
    find = [*own_wheels.options(wheels[0].parent), "--constraints", ROOT / "constraints.txt"]
    subprocess.run([uv, "pip", "install", "-q", "--python", venv / "bin" / "python", *find, "intermodal"], check=True)
    return venv / "bin"


def outside(tmp_path: Path) -> dict[str, str]:
    """An environment that does not know of the checkout."""
    names = {"PYTHONPATH", "VIRTUAL_ENV", "INTERMODAL_DATA_DIR"}
    return {name: value for name, value in os.environ.items() if name not in names} | {
        "INTERMODAL_DATA_DIR": str(tmp_path / "data")
    }


def test_a_wheel_for_each_distribution_with_its_licence(wheels: list[Path]) -> None:
    """The licence text is in each; `intermodal` has no code."""
    contents = {wheel.name.split("-")[0]: zipfile.ZipFile(wheel).namelist() for wheel in wheels}
    assert set(contents) == {
        "intermodal",
        *(f"intermodal_{name}" for name in ("conformance", "core", "docker", "local", "otel")),
    }
    for names in contents.values():
        assert any(name.endswith("LICENSE") for name in names)
    assert not any(name.endswith(".py") for name in contents["intermodal"])
    assert "intermodal/py.typed" in contents["intermodal_core"]
    assert "intermodal_local/py.typed" in contents["intermodal_local"]
    assert "intermodal_docker/py.typed" in contents["intermodal_docker"]
    assert "intermodal_otel/py.typed" in contents["intermodal_otel"]
    assert "intermodal_conformance/py.typed" in contents["intermodal_conformance"]
    assert "intermodal_conformance/requirements.toml" in contents["intermodal_conformance"]


def test_the_installed_wheels_run_a_program(environment: Path, tmp_path: Path) -> None:
    """`intermodal run` of a small file works with the installed wheels alone, and leaves no checkout in sight."""
    (tmp_path / "hello.py").write_text(HELLO)
    done = subprocess.run(
        [environment / "intermodal", "run", "hello.py", "--n", "4"],
        cwd=tmp_path,
        env=outside(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "14"


def test_the_installed_wheels_serve(environment: Path, tmp_path: Path) -> None:
    """`intermodal server`, and a program that runs there."""
    (tmp_path / "hello.py").write_text(HELLO)
    server = subprocess.Popen(
        [environment / "intermodal", "server", "--port", "0"],
        cwd=tmp_path,
        env=outside(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split("serves at ")[1].split()[0]
        done = subprocess.run(
            [environment / "intermodal", "run", "hello.py", "--n", "3"],
            cwd=tmp_path,
            env={**outside(tmp_path), "INTERMODAL_SERVER_URL": url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout.splitlines()[-1] == "5", done.stderr
    finally:
        server.terminate()
        server.communicate()
    assert server.returncode == 0


def test_the_installed_core_is_not_the_checkout(environment: Path, tmp_path: Path) -> None:
    """`import intermodal` comes from the environment's site-packages."""
    command = [environment / "python", "-c", "import intermodal; print(intermodal.__file__)"]
    done = subprocess.run(command, cwd=tmp_path, env=outside(tmp_path), capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(environment.parent)


def test_all_distributions_have_one_version(wheels: list[Path]) -> None:
    """The wheels, and what `intermodal.__version__` says, agree."""
    versions = {wheel.name.split("-")[1] for wheel in wheels}
    core = (ROOT / "core" / "src" / "intermodal" / "__init__.py").read_text()
    assert len(versions) == 1
    assert f'__version__ = "{versions.pop()}"' in core
