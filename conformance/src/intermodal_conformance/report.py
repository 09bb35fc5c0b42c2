"""What people and programs read: lines for the terminal, conformance.json, and the matrix of several runs."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intermodal_conformance.deviations import Deviation
from intermodal_conformance.manifest import Manifest
from intermodal_conformance.verdict import Finding, Run, Verdict

__all__ = ["as_json", "claim", "lines", "matrix"]

_SIGNS = {
    "pass": "pass",
    "deviation": "deviation",
    "not-applicable": "refused",
    "fail": "FAIL",
    "missing": "MISSING",
    "vacuous": "VACUOUS",
    "inconclusive": "?",
}


def claim(manifest: Manifest, verdict: Verdict, run: Run, deviations: Sequence[Deviation]) -> str:
    """What a conformant backend may say of itself: "spec 0.1, core + {gpu}, 1 deviation"."""
    more = sorted(
        requirement.capability
        for name, requirement in manifest.requirements.items()
        if requirement.capability in run.supported and verdict.findings[name].status == "pass"
        if requirement.capability is not None
    )
    used = sum(finding.status == "deviation" for finding in verdict.findings.values())
    words = f"spec {manifest.spec}, core"
    if more:
        words += f" + {{{', '.join(dict.fromkeys(more))}}}"
    if used:
        words += f", {len(deviations)} deviation{'s' if len(deviations) != 1 else ''}"
    return words


def as_json(manifest: Manifest, verdict: Verdict, run: Run, deviations: Sequence[Deviation]) -> dict[str, Any]:
    """The content of conformance.json."""
    about = run.about
    return {
        "verdict": verdict.word,
        "claim": claim(manifest, verdict, run, deviations) if verdict.word == "conformant" else None,
        "reasons": verdict.reasons,
        "backend": about.get("backend"),
        "versions": {"spec": manifest.spec, **about.get("versions", {})},
        "profile": about.get("profile"),
        "seed": about.get("seed"),
        "manifest": manifest.digest,
        "capabilities": {
            "supported": about.get("supported", []),
            "missing": about.get("notes", {}),
        },
        "deviations": [
            {
                "requirement": each.requirement,
                "program": each.program,
                "reason": each.reason,
                "until": each.until.isoformat(),
            }
            for each in deviations
        ],
        "requirements": {name: _finding(finding) for name, finding in verdict.findings.items()},
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.requirement.level,
        "status": finding.status,
        "words": finding.words,
        "tests": finding.tests,
        "examples": finding.examples,
        "calls": finding.calls,
        "seconds": finding.seconds,
    }


def lines(verdict: Verdict, only: Sequence[str] = ()) -> list[str]:
    """For the terminal: one line for each requirement, then the verdict and why."""
    chosen = {name: each for name, each in verdict.findings.items() if not only or name in only}
    width = max(map(len, chosen))
    text = []
    for name, finding in chosen.items():
        facts = f"{finding.tests} tests, {finding.examples} examples, {finding.calls} calls, {finding.seconds:.1f} s"
        text.append(f"{name:<{width}}  {_SIGNS[finding.status]:<9}  {facts}")
        if finding.status not in ("pass", "missing"):
            text += [f"{'':<{width}}    {words}" for words in finding.words]
    return text


def matrix(files: Sequence[Path]) -> str:
    """A Markdown table: a row for each requirement, a column for each report.

    Raises:
        ValueError: a file is no report.
    """
    reports = [_report(path) for path in files]
    names = list(dict.fromkeys(name for report in reports for name in report["requirements"]))
    heads = [_head(path, report) for path, report in zip(files, reports, strict=True)]
    rows = [["requirement", *heads], ["---"] * (len(heads) + 1)]
    for name in names:
        statuses = [report["requirements"].get(name, {}).get("status") for report in reports]
        rows.append([f"`{name}`", *(_SIGNS.get(status, "–") for status in statuses)])
    rows.append(["**verdict**", *(f"**{report['verdict']}**" for report in reports)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _report(path: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_text())
        report["requirements"], report["verdict"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no conformance report: {type(error).__name__}: {error}") from None
    return report


def _head(path: Path, report: dict[str, Any]) -> str:
    backend = report.get("backend") or {}
    name = backend.get("name", "?")
    return f"{name} ({path.stem})" if path.stem not in ("conformance", name) else name
