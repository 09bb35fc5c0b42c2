"""The whole suite on the local backend, in each of the ways that it can run: every one is conformant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from intermodal.plugins import Capabilities
from intermodal.plugins.bucket_tools import CAPABILITY, as_this_host_can
from ordinary_user import ordinary_user

#: Beyond the core: what containers of each kind have, whoever runs them.
PROCESS = {"gpu", "limits.memory", "limits.pids", "limits.cpu"}
NAMESPACES = PROCESS | {
    "exec",
    "image.gpu",
    "image.run_commands",
    "isolation.filesystem",
    "isolation.pid",
    "network.block",
    "volumes",
}

#: What they have besides, where this host has the tools.
BUCKETS = set(as_this_host_can(Capabilities(supported=frozenset({CAPABILITY}))).supported)

pytestmark = pytest.mark.timeout(900)  # a minute and a half each on two cores that nobody else uses


def judged(done: subprocess.CompletedProcess[str], file: Path) -> dict[str, Any]:
    """The report of a run that came to a verdict in favour of the backend."""
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(file.read_text())
    assert report["verdict"] == "conformant"
    assert report["claim"].startswith(f"spec {report['versions']['spec']}, core + {{")
    assert all(each["calls"] > 0 for each in report["requirements"].values() if each["status"] == "pass")
    return report


def claimed(report: dict[str, Any]) -> set[str]:
    """The capabilities that the claim names."""
    return set(report["claim"].partition("{")[2].partition("}")[0].split(", "))


@pytest.mark.parametrize(("isolation", "capabilities"), [("namespaces", NAMESPACES | BUCKETS), ("process", PROCESS)])
def test_the_local_backend_is_conformant(tmp_path: Path, isolation: str, capabilities: set[str]) -> None:
    """As its users run it. Without namespaces, what it cannot do is refused."""
    file = tmp_path / "report.json"
    command = [sys.executable, "-m", "intermodal_conformance", "--backend", "local", "--json", str(file)]
    environment = {**os.environ, "INTERMODAL_LOCAL_ISOLATION": isolation}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    report = judged(done, file)
    assert claimed(report) == capabilities
    if isolation == "namespaces":
        lacking = {name for name, each in report["requirements"].items() if each["status"] != "pass"}
        assert lacking == {CAPABILITY} - BUCKETS


@pytest.mark.skipif(os.geteuid() != 0, reason="this is an ordinary user")
def test_the_local_backend_is_conformant_as_an_ordinary_user() -> None:
    """One who was made for this, and may open /dev/fuse; all that root's containers can do."""
    with ordinary_user() as user:
        file = user.home / "report.json"
        words = ("--backend", "local", "--json", str(file))
        done = user.run("intermodal_conformance", *words, cwd=user.home, fuse=bool(BUCKETS))
        report = judged(done, file)
    assert claimed(report) == NAMESPACES | BUCKETS
