"""What third parties build on changes only where a reviewer sees it; the rules, core and the suite have one version."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from intermodal.specs import SPEC_VERSION
from intermodal_conformance import cli
from intermodal_conformance.manifest import load_manifest

ROOT = Path(__file__).parents[1]
LISTING = ROOT / "tests" / "public_api.txt"
RULES = (ROOT / "docs" / "spec.md").read_text()
#: Requirements about the contracts of roles, and about the whole: docs/plugins.md has these, not the rules.
CONTRACTS = re.compile(r"(builder|launcher|storage)\.|gpu\.exclusive$|leftovers$")
ADVICE = """\
What third parties build on has changed. If that is meant: run `make public-api`, and add a changelog fragment,
changelog.d/+NAME.feature.md for what is new, changelog.d/+NAME.change.md for what is different or gone."""


def test_what_third_parties_build_on_is_what_is_written_down() -> None:
    """Names, signatures, fields, methods of protocols, hooks and capabilities are those in tests/public_api.txt."""
    command = [sys.executable, ROOT / "tools" / "public_api.py"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    difference = difflib.unified_diff(
        LISTING.read_text().splitlines(), listed.splitlines(), "tests/public_api.txt", "the code", n=2, lineterm=""
    )
    lines = list(difference)
    assert not lines, "\n".join([ADVICE, "", *lines])


def test_rules_core_and_suite_have_one_version() -> None:
    """docs/spec.md, `intermodal.specs.SPEC_VERSION` and the manifest; no requirement is of a later one."""
    manifest = load_manifest()
    assert f"This is version {SPEC_VERSION} of the rules" in RULES
    assert manifest.spec == SPEC_VERSION

    def number(version: str) -> tuple[int, ...]:
        return tuple(map(int, version.split(".")))

    later = [r.id for r in manifest.requirements.values() if number(r.since) > number(SPEC_VERSION)]
    assert later == []


def test_each_requirement_is_a_rule() -> None:
    """By id; requirements about the contracts of roles are apart."""
    rules = set(re.findall(r"^\*\*`([a-z.*-]+)`\*\*", RULES, re.MULTILINE))
    requirements = {name for name in load_manifest().requirements if not CONTRACTS.match(name)}
    assert requirements - rules == set()


def test_a_suite_for_other_rules_gives_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which version it judges, which is installed, and what to do; nothing is run."""
    monkeypatch.setattr(cli, "SPEC_VERSION", "9.9")
    assert cli.main(["--backend", "local"]) == 2
    assert "of the rules, and the installed intermodal-core keeps version 9.9: install" in capsys.readouterr().err
