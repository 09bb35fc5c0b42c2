"""The verdict: made from the manifest and from what a run wrote down, never from pytest's exit code."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from intermodal_conformance.deviations import Deviation
from intermodal_conformance.journal import Record
from intermodal_conformance.manifest import Manifest, Requirement

__all__ = ["EXIT_CODES", "Finding", "Status", "Verdict", "judge"]

Status = Literal["pass", "fail", "deviation", "not-applicable", "missing", "vacuous", "inconclusive"]
Word = Literal["conformant", "not conformant", "inconclusive", "no verdict"]

#: What the command exits with; 2 is a usage error.
EXIT_CODES: Mapping[Word, int] = {"conformant": 0, "not conformant": 1, "no verdict": 3, "inconclusive": 4}
#: With these a requirement does not stand in the way of the verdict.
GOOD: frozenset[Status] = frozenset({"pass", "deviation", "not-applicable"})


@dataclass(slots=True, kw_only=True)
class Finding:
    """What the run says about one requirement. `words` explain whatever is not a plain pass."""

    requirement: Requirement
    status: Status
    words: list[str] = field(default_factory=list)
    tests: int = 0
    examples: int = 0
    calls: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Verdict:
    """The whole. `reasons` say in words why it is not "conformant"."""

    word: Word
    reasons: list[str]
    findings: dict[str, Finding]

    @property
    def exit_code(self) -> int:
        """For the shell."""
        return EXIT_CODES[self.word]


class Run:
    """A journal, sorted. `stopped` says why the run did not come to its end."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.collected: dict[str, Record] = {}
        self.results: dict[str, Record] = {}
        self.deselected: set[str] = set()
        self.supported: frozenset[str] = frozenset()
        self.running: str | None = None
        self.ended = False
        self.stopped: str | None = None
        self.selection: list[str] = []
        self.problems: list[str] = []
        self.usage: str | None = None
        self.about: Record = {}
        for record in records:
            getattr(self, "_" + record["t"].replace("-", "_"))(record)

    def _begin(self, record: Record) -> None:
        self.about = record
        self.supported = frozenset(record["supported"])
        self.selection += record["selection"]

    def _collected(self, record: Record) -> None:
        self.collected = {test["id"]: test for test in record["tests"]}

    def _deselected(self, record: Record) -> None:
        self.deselected |= set(record["tests"])

    def _problem(self, record: Record) -> None:
        self.problems.append(record["words"])

    def _start(self, record: Record) -> None:
        self.running = record["id"]

    def _test(self, record: Record) -> None:
        self.running = None
        self.results[record["id"]] = record

    def _asked(self, record: Record) -> None:
        for test, counts in record["tests"].items():
            if test in self.results:
                self.results[test]["asked"] = counts

    def _stopped(self, record: Record) -> None:
        self.stopped = self.stopped or record["words"]

    def _usage(self, record: Record) -> None:
        self.usage = record["words"]

    def _end(self, record: Record) -> None:
        self.ended = True


def judge(
    manifest: Manifest,
    run: Run,
    deviations: Sequence[Deviation] = (),
    *,
    today: datetime.date,
    killed: str | None = None,
) -> Verdict:
    """The verdict on a run. `killed` says why the process that ran the suite did not end by itself, if so."""
    stopped = killed or run.stopped
    if stopped is None and not run.ended:
        stopped = "the process that ran the suite ended before its end, without a word"
    if stopped is not None and run.running is not None:
        stopped = f"{stopped} (while {run.running} ran)"
    findings = {
        name: _Evidence(requirement, run, deviations, stopped).finding()
        for name, requirement in manifest.requirements.items()
    }
    faults = [*run.problems, *_about_deviations(run, deviations, today)]
    bad = {name: finding for name, finding in findings.items() if finding.status not in GOOD}
    about = [
        f"{name}: {finding.status}" + "".join(f"; {words}" for words in finding.words[:1])
        for name, finding in bad.items()
    ]
    if run.selection or run.deselected:
        asked = ", ".join(run.selection) or "some tests were deselected"
        about = [words for words, finding in zip(about, bad.values(), strict=True) if finding.status != "missing"]
        return Verdict(
            word="no verdict", reasons=[f"partial ({asked}): no verdict", *faults, *about], findings=findings
        )
    if stopped is not None:
        return Verdict(word="inconclusive", reasons=[stopped, *faults, *about], findings=findings)
    if faults or any(finding.status != "inconclusive" for finding in bad.values()):
        return Verdict(word="not conformant", reasons=[*faults, *about], findings=findings)
    if bad:
        return Verdict(word="inconclusive", reasons=about, findings=findings)
    return Verdict(word="conformant", reasons=[], findings=findings)


class _Evidence:
    """What a run has about one requirement."""

    def __init__(
        self, requirement: Requirement, run: Run, deviations: Sequence[Deviation], stopped: str | None
    ) -> None:
        self._requirement = requirement
        self._stopped = stopped
        self._deviations = [each for each in deviations if each.requirement == requirement.id]
        tests = [test for test in run.collected.values() if test["requirement"] == requirement.id]
        self._applying = [test["id"] for test in tests if test["applies"]]
        self._refusals = {test["id"] for test in tests if test["refusal"]}
        self._results = {test: run.results[test] for test in self._applying if test in run.results}
        self._note = self._missing_note(run)

    def finding(self) -> Finding:
        """Its status, with the reasons."""
        status, words = self._status()
        results = self._results.values()
        return Finding(
            requirement=self._requirement,
            status=status,
            words=words,
            tests=len(results),
            examples=sum(result["examples"] for result in results),
            calls=self._asked(),
            seconds=round(sum(result["seconds"] for result in results), 3),
        )

    def _status(self) -> tuple[Status, list[str]]:
        died = [self._words(result) for result in self._results.values() if result["outcome"] == "died"]
        if died:
            return "inconclusive", died
        bad = {test: result for test, result in self._results.items() if result["outcome"] != "passed"}
        known = {test for test in bad if any(each.covers(self._requirement.id, test) for each in self._deviations)}
        failures = [self._words(result) for test, result in bad.items() if test not in known]
        if failures:
            return "fail", failures
        if not self._applying:
            if self._note is not None:
                return "not-applicable", [self._note]
            if self._stopped is not None:
                return "inconclusive", ["the run stopped before it was tested"]
            return "missing", ["no test of the suite is about it, as far as it applies to this backend"]
        unseen = [test for test in self._applying if test not in self._results]
        if unseen:
            if self._stopped is not None:
                return "inconclusive", [f"the run stopped before {len(unseen)} of its tests"]
            return "missing", [f"{len(unseen)} of its {len(self._applying)} tests did not run"]
        if not self._asked():
            if self._stopped is not None:
                return "inconclusive", ["the run stopped before it was known what its tests had asked"]
            return "vacuous", ["its tests asked nothing of the backend"]
        quotas = [words for result in self._results.values() for words in result["quotas"]]
        if quotas:
            return "vacuous", quotas
        if known:
            return "deviation", [each.reason for each in self._deviations]
        if self._refusals.issuperset(self._applying):
            return "not-applicable", [f"refused, as {self._requirement.capability!r} is not supported"]
        return "pass", []

    def _missing_note(self, run: Run) -> str | None:
        """What the backend says of a capability that it lacks, where there is nothing to refuse."""
        capability = self._requirement.capability
        if capability is None or self._requirement.refusable or not run.about or capability in run.supported:
            return None
        return f"{capability!r} is not supported: {run.about['notes'].get(capability, 'no plugin has that role')}"

    def _asked(self) -> int:
        return sum(sum(result.get("asked", {}).values()) for result in self._results.values())

    @staticmethod
    def _words(result: Record) -> str:
        return f"{result['id'].rpartition('::')[2]} {result['outcome']}: {result['words']}"


def _about_deviations(run: Run, deviations: Sequence[Deviation], today: datetime.date) -> list[str]:
    reasons = []
    for each in deviations:
        name = f"the deviation from {each.requirement} ({each.program})"
        covered: list[Any] = [result for test, result in run.results.items() if each.covers(_about(run, test), test)]
        if each.expired(today):
            reasons.append(f"{name} has expired on {each.until}: mend the backend")
        elif not covered:
            reasons.append(f"{name} is about no test that ran")
        elif all(result["outcome"] == "passed" for result in covered):
            reasons.append(f"{name} is stale: it passes, so remove it")
    return reasons


def _about(run: Run, test: str) -> str:
    return str(run.collected[test]["requirement"]) if test in run.collected else ""
