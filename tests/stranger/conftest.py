"""The backend of docs/write-a-backend.md as a stranger has it: a project, a wheel, a machine that ssh reaches."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import own_wheels
from ssh_server import SBIN, ssh_server

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "write-a-backend.md"
PYTHON = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"

#: Wait for something that comes soon: a condition, and seconds.
Until = Callable[..., None]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page."""
    folder = tmp_path_factory.mktemp("stranger")
    for title, body in re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE.read_text(), re.MULTILINE | re.DOTALL):
        path = folder / title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    return folder / "intermodal-ssh"


@pytest.fixture(scope="session")
def environment(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh environment with the wheels of the backend, of core and of the suite."""
    wheels = tmp_path_factory.mktemp("wheels")
    subprocess.run([sys.executable, ROOT / "tools" / "build_wheels.py", wheels], check=True, stdout=subprocess.DEVNULL)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels]
    subprocess.run(build, cwd=project, check=True, stdout=subprocess.DEVNULL)
    venv = tmp_path_factory.mktemp("user") / "venv"
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, venv], check=True)
    install = [uv, "pip", "install", "-q", "--python", venv / "bin" / "python", *own_wheels.options(wheels)]
    install += ["--constraints", ROOT / "constraints.txt"]
    subprocess.run([*install, "intermodal-ssh", "intermodal-conformance"], check=True)
    return venv / "bin"


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An ssh server of this user's on loopback, with a home of its own; the settings by which the backend finds it."""
    lacking = [name for name in ("ssh", "sshd", "bwrap", PYTHON) if shutil.which(name, path=SBIN) is None]
    if lacking:
        pytest.skip(f"this host cannot be the machine: it lacks {', '.join(lacking)}")
    folder = tmp_path_factory.mktemp("machine")
    for name in ("home", "temporary"):
        (folder / name).mkdir()
    settings = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary")}
    settings |= {
        name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.endswith("_proxy")
    }
    with ssh_server(folder, settings) as server:
        yield {
            "INTERMODAL_SSH_HOST": "machine",
            "INTERMODAL_SSH_CONFIG": str(server.config),
            "MACHINE": str(folder),
        }


def _until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that comes soon."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


@pytest.fixture
def until() -> Until:
    """Wait for something that comes soon."""
    return _until


@pytest.fixture
def outside(machine: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a user who knows nothing of this checkout."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV"}
    return {
        **{name: value for name, value in os.environ.items() if name not in hidden},
        **machine,
        "INTERMODAL_BACKEND": "ssh",
        "INTERMODAL_DATA_DIR": str(tmp_path / "data"),
    }
