"""Backends that die, hang, leak or leave questions open: the verdict says so in words, and is never "conformant"."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).parent / "intermodal-conformance"
AROUND = """
import asyncio
import os
import subprocess
from intermodal.plugins import Capabilities, hookimpl

class Around:
    launches = 0

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        return getattr(self.inner, name)

    async def launch(self, *args):
        Around.launches += 1
        if Around.launches == 2:
            await self.trouble()
        return await self.inner.launch(*args)

    async def trouble(self):
        {trouble}

@hookimpl(wrapper=True)
def intermodal_launcher(config):
    return Around((yield))
"""


def verdict(tmp_path: Path, plugin: str, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, all that was printed, and the report, of the local backend with a plugin around it."""
    (tmp_path / "planted.py").write_text(plugin)
    report = tmp_path / "report.json"
    command = [str(COMMAND), "--backend", "local", "-p", "planted", "--json", str(report), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=280)
    return done.returncode, done.stdout + done.stderr, json.loads(report.read_text()) if report.exists() else {}


def test_a_backend_that_takes_the_process_down_is_inconclusive(tmp_path: Path) -> None:
    """Though the process says that all went well."""
    code, text, report = verdict(tmp_path, AROUND.format(trouble="os._exit(0)"))
    assert code == 4, text
    assert report["verdict"] == "inconclusive"
    assert "without a word" in report["reasons"][0]
    assert "conformant:" not in text


def test_a_backend_that_hangs_is_inconclusive(tmp_path: Path) -> None:
    """When the whole run has taken too long it is ended."""
    code, text, report = verdict(tmp_path, AROUND.format(trouble="await asyncio.sleep(3600)"), "--deadline", "25")
    assert code == 4, text
    assert "did not end within 25 s" in report["reasons"][0]


def test_a_backend_that_leaks_fails_leftovers(tmp_path: Path) -> None:
    """What is left is named."""
    leak = "self.leaked = subprocess.Popen(['sleep', '111'], start_new_session=True)"
    code, text, report = verdict(tmp_path, AROUND.format(trouble=leak), "--only", "leftovers,conc.single")
    assert code == 3, text
    assert report["requirements"]["leftovers"]["status"] == "fail"
    assert "sleep 111" in report["requirements"]["leftovers"]["words"][0]
    assert report["requirements"]["conc.single"]["status"] == "pass"


def test_a_backend_that_answers_only_half_its_capabilities_is_a_usage_error(tmp_path: Path) -> None:
    """The message names those that it is silent about."""
    half = """
from intermodal.plugins import Capabilities, hookimpl

@hookimpl(wrapper=True)
def intermodal_capabilities(config):
    stated = yield
    return Capabilities(supported=stated.supported - {"exec", "snapshot"}, notes={})
"""
    code, text, report = verdict(tmp_path, half)
    assert (code, report) == (2, {})
    assert "says nothing about: exec, " in text
    assert "snapshot" in text


def test_a_backend_that_loses_its_capability_must_refuse(tmp_path: Path) -> None:
    """One that says it cannot, and does it nevertheless, fails the refusal."""
    lies = """
from intermodal.plugins import Capabilities, hookimpl

@hookimpl(wrapper=True)
def intermodal_capabilities(config):
    stated = yield
    return Capabilities(supported=stated.supported - {"exec"}, notes={**stated.notes, "exec": "because"})
"""
    code, text, report = verdict(tmp_path, lies, "--only", "launcher.exec")
    assert code == 3, text
    assert report["requirements"]["launcher.exec"]["status"] == "fail"


def test_a_selection_of_tests_gets_no_verdict(tmp_path: Path) -> None:
    """`-k` hides tests, so that what passes says nothing."""
    code, text, report = verdict(tmp_path, "", "-k", "test_one_input_at_a_time")
    assert code == 3, text
    assert report["verdict"] == "no verdict"
    assert "partial" in report["reasons"][0]
