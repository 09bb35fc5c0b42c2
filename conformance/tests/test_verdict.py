"""What a run is worth: never "conformant" unless everything was shown."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from intermodal_conformance.deviations import Deviation
from intermodal_conformance.manifest import Manifest, parse_manifest
from intermodal_conformance.verdict import Run, judge

MANIFEST = b"""
spec = "0.1"
[[requirement]]
id = "a.core"
level = "core"
since = "0.1"
text = "A."
[[requirement]]
id = "b.gpu"
level = "capability"
capability = "gpu"
since = "0.1"
text = "B."
"""


@pytest.fixture
def manifest() -> Manifest:
    """Two requirements, one of them of a capability."""
    return parse_manifest(MANIFEST)


def collected(test: str, requirement: str, **more: Any) -> dict[str, Any]:
    """A test as the plugin writes it down."""
    return {"id": test, "requirement": requirement, "applies": True, "refusal": False, **more}


def ended(test: str, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    """Its end."""
    facts = {"words": "why", "seconds": 1.0, "examples": 1, "quotas": []}
    return {"t": "test", "id": test, "outcome": outcome, **facts, **more}


@pytest.fixture
def story() -> Callable[..., Run]:
    """Makes a run of a backend with GPUs in which everything passes, but for what the arguments change."""

    def make(*changes: dict[str, Any], drop: tuple[str, ...] = (), asked: dict[str, int] | None = None) -> Run:
        asked = {"call": 1} if asked is None else asked
        records: list[dict[str, Any]] = [
            {"t": "begin", "supported": ["gpu"], "notes": {}, "selection": []},
            {
                "t": "collected",
                "tests": [
                    collected("t::one[p1]", "a.core"),
                    collected("t::two", "b.gpu"),
                    collected("t::no", "b.gpu", refusal=True, applies=False),
                ],
            },
            ended("t::one[p1]"),
            ended("t::two"),
            *changes,
            {"t": "asked", "tests": {"t::one[p1]": asked, "t::two": asked, "t::no": asked}},
            {"t": "end"},
        ]
        return Run(record for record in records if record["t"] not in drop and record.get("id") not in drop)

    return make


TODAY = datetime.date(2027, 1, 1)
Story = Callable[..., Run]


def deviation(program: str = "p1", until: datetime.date = datetime.date(2028, 1, 1)) -> Deviation:
    """A known failure."""
    return Deviation(requirement="a.core", program=program, reason="known", until=until)


def test_everything_passed_is_conformant(manifest: Manifest, story: Story) -> None:
    """And only that is."""
    verdict = judge(manifest, story(), today=TODAY)
    assert (verdict.word, verdict.exit_code, verdict.reasons) == ("conformant", 0, [])
    assert [each.status for each in verdict.findings.values()] == ["pass", "pass"]
    assert verdict.findings["a.core"].calls == 1


@pytest.mark.parametrize("outcome", ["failed", "skipped", "hung"])
def test_a_failure_a_skip_and_a_hang_are_failures(manifest: Manifest, story: Story, outcome: str) -> None:
    """The reason says which test, and why."""
    verdict = judge(manifest, story(ended("t::one[p1]", outcome)), today=TODAY)
    assert (verdict.word, verdict.exit_code) == ("not conformant", 1)
    assert verdict.findings["a.core"].status == "fail"
    assert f"a.core: fail; one[p1] {outcome}: why" in verdict.reasons


def test_tests_that_asked_nothing_are_vacuous(manifest: Manifest, story: Story) -> None:
    """Though they passed."""
    verdict = judge(manifest, story(asked={}), today=TODAY)
    assert verdict.word == "not conformant"
    assert {each.status for each in verdict.findings.values()} == {"vacuous"}


def test_a_missed_quota_is_vacuous(manifest: Manifest, story: Story) -> None:
    """In the words of the quota."""
    verdict = judge(manifest, story(ended("t::one[p1]", quotas=["only 0 of 9"])), today=TODAY)
    assert verdict.findings["a.core"].status == "vacuous"
    assert "only 0 of 9" in verdict.reasons[0]


def test_a_test_that_did_not_run_is_missing(manifest: Manifest, story: Story) -> None:
    """So is a requirement without tests."""
    verdict = judge(manifest, story(drop=("t::two",)), today=TODAY)
    assert (verdict.word, verdict.findings["b.gpu"].status) == ("not conformant", "missing")
    verdict = judge(manifest, story({"t": "collected", "tests": []}), today=TODAY)
    assert {each.status for each in verdict.findings.values()} == {"missing"}


def test_a_selection_gets_no_verdict(manifest: Manifest, story: Story) -> None:
    """Whatever passed, and whoever made it: an option of the command, or one of pytest."""
    for change in (
        {"t": "deselected", "tests": ["t::two"]},
        {"t": "begin", "supported": ["gpu"], "notes": {}, "selection": ["only a.core"]},
    ):
        verdict = judge(manifest, story(change), today=TODAY)
        assert (verdict.word, verdict.exit_code) == ("no verdict", 3)
        assert "partial" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("run", "killed", "words"),
    [
        ({"drop": ("end",)}, None, "without a word"),
        ({"drop": ("end", "t::two")}, "the run did not end within 9 s", "did not end within 9 s"),
    ],
)
def test_a_run_without_an_end_is_inconclusive(
    manifest: Manifest, story: Story, run: dict[str, tuple[str, ...]], killed: str | None, words: str
) -> None:
    """A dead process, or one that was killed because it hung, shows nothing about what it did not come to."""
    verdict = judge(manifest, story(**run), today=TODAY, killed=killed)
    assert (verdict.word, verdict.exit_code) == ("inconclusive", 4)
    assert words in verdict.reasons[0]
    assert verdict.findings["a.core"].status == "pass"


def test_a_backend_that_died_is_inconclusive(manifest: Manifest, story: Story) -> None:
    """In the test that saw it, and in all that come after."""
    died = (ended("t::one[p1]", "died"), {"t": "stopped", "words": "the backend died: gone"})
    verdict = judge(manifest, story(*died, drop=("t::two",)), today=TODAY)
    assert verdict.word == "inconclusive"
    assert "the backend died: gone" in verdict.reasons
    assert {each.status for each in verdict.findings.values()} == {"inconclusive"}


def test_a_refusal_is_not_applicable(manifest: Manifest, story: Story) -> None:
    """Where the capability is missing the refusal's test decides."""
    tests = [
        collected("t::one[p1]", "a.core"),
        collected("t::two", "b.gpu", applies=False),
        collected("t::no", "b.gpu", refusal=True),
    ]
    refused = ({"t": "collected", "tests": tests}, ended("t::no"))
    assert judge(manifest, story(*refused), today=TODAY).findings["b.gpu"].status == "not-applicable"
    assert judge(manifest, story(*refused), today=TODAY).word == "conformant"
    accepted = ({"t": "collected", "tests": tests}, ended("t::no", "failed"))
    assert judge(manifest, story(*accepted), today=TODAY).findings["b.gpu"].status == "fail"


def test_where_nothing_can_be_refused_the_note_stands(story: Story) -> None:
    """Isolation, for one, is nothing that a program asks for."""
    manifest = parse_manifest(MANIFEST.replace(b'capability = "gpu"', b'capability = "gpu"\nrefusable = false'))
    tests = [collected("t::one[p1]", "a.core"), collected("t::two", "b.gpu", applies=False)]
    lacking = {"t": "begin", "supported": [], "notes": {"gpu": "no slots"}, "selection": []}
    verdict = judge(manifest, story(lacking, {"t": "collected", "tests": tests}), today=TODAY)
    assert verdict.word == "conformant"
    assert verdict.findings["b.gpu"].words == ["'gpu' is not supported: no slots"]


def test_a_deviation_must_fail_and_must_not_have_expired(manifest: Manifest, story: Story) -> None:
    """A strict expected failure, bound to one program."""
    failing = story(ended("t::one[p1]", "failed"))
    verdict = judge(manifest, failing, [deviation()], today=TODAY)
    assert (verdict.word, verdict.findings["a.core"].status) == ("conformant", "deviation")
    stale = judge(manifest, story(), [deviation()], today=TODAY)
    assert stale.word == "not conformant"
    assert "stale" in stale.reasons[0]
    expired = judge(manifest, failing, [deviation(until=TODAY)], today=TODAY)
    assert expired.word == "not conformant"
    assert "expired" in expired.reasons[0]
    elsewhere = judge(manifest, failing, [deviation("p2")], today=TODAY)
    assert elsewhere.word == "not conformant"
    assert "no test that ran" in elsewhere.reasons[0]


def test_a_test_that_names_no_requirement_is_a_problem(manifest: Manifest, story: Story) -> None:
    """A module that cannot be collected, too: something of the suite is missing."""
    verdict = judge(manifest, story({"t": "problem", "words": "x could not be collected"}), today=TODAY)
    assert verdict.word == "not conformant"
    assert verdict.reasons == ["x could not be collected"]
