"""One run of the suite in this process: it starts the backend, chooses the tests, and writes the journal."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from intermodal.plugins.capabilities import CAPABILITY_ROLES
from intermodal_conformance.buckets import buckets
from intermodal_conformance.harness import Harness, find_harness
from intermodal_conformance.journal import Journal
from intermodal_conformance.manifest import load_manifest
from intermodal_conformance.marks import evidence_of
from intermodal_conformance.profiles import PROFILES, Profile
from intermodal_conformance.recorder import Recorder
from intermodal_conformance.target import (
    BackendDied,
    Target,
    capabilities_of,
    check_alive,
    choose,
    opened,
    version_of,
    versions,
)
from intermodal_conformance.witness import witness

__all__ = ["SESSION", "Conformance"]

SESSION = pytest.StashKey["Conformance"]()
#: The name under which the end of the run is evidence for the requirement "leftovers".
AT_THE_END = "leftovers at the end"
#: The requirement, and the capability, that takes an S3 server.
BUCKETS = "bucket.mount"


class Conformance:
    """One run of the suite in this process."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.profile: Profile = PROFILES[config.getoption("--conformance-profile")]
        deadline = config.getoption("--conformance-test-deadline")
        if deadline is not None:
            self.profile = replace(self.profile, test_deadline_s=float(deadline))
        self.only = [name for name in config.getoption("--only").split(",") if name]
        path = config.getoption("--conformance-journal")
        self._folder = (
            None if "INTERMODAL_DATA_DIR" in os.environ else tempfile.TemporaryDirectory(prefix="conformance-")
        )
        self.data_dir = Path(os.environ.setdefault("INTERMODAL_DATA_DIR", self._folder.name if self._folder else ""))
        self.journal = Journal(Path(path or os.devnull))
        self.recorder = Recorder()
        self.harness: Harness
        self.target: Target
        self.windows: dict[str, tuple[float, float]] = {}
        self.open, self.served = ExitStack(), ExitStack()
        self.dead: str | None = None
        self.running = False

    # ---- begin and end --------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start what the harness starts, and ask the backend what it can do."""
        backend = self.config.getoption("--backend")
        choice = choose(backend, self.config.getoption("--conformance-plugins"))
        self.harness = find_harness(backend)
        self.open.enter_context(self.harness.running(self.data_dir))
        with opened() as host:
            stated, distribution = capabilities_of(host, frozenset(CAPABILITY_ROLES)), version_of(host)
        seed = self.config.getoption("--conformance-seed")
        wanted = BUCKETS in stated.supported and (not self.only or BUCKETS in self.only)
        self.target = Target(
            bucket=self.served.enter_context(buckets()) if wanted else None,
            backend=backend,
            choice=choice,
            supported=stated.supported,
            notes=dict(stated.notes),
            profile=self.profile,
            seed=None if seed is None else int(seed),
            data_dir=self.data_dir,
        )
        self.journal.write(
            "begin",
            supported=sorted(stated.supported),
            notes=dict(stated.notes),
            selection=[f"only {', '.join(self.only)}"] if self.only else [],
            backend={"name": backend, "distribution": distribution},
            versions={**versions(), "python": platform.python_version()},
            profile=self.profile.name,
            seed=self.target.seed,
            manifest=load_manifest().digest,
            spec=load_manifest().spec,
            at=time.time(),
        )

    def settings(self) -> hypothesis.settings:
        """What hypothesis is told: as the profile says, and random where there is a seed."""
        database = self.config.getoption("--conformance-database")
        settings = self.profile.settings(None if database is None else Path(database))
        return hypothesis.settings(settings, derandomize=not (self.profile.random or self.target.seed is not None))

    def end(self) -> None:
        """What was asked, and what is left; the session's app has ended before."""
        began = time.time()
        self.served.close()
        left = list(self.harness.leftovers(self.data_dir)) if self.dead is None else []
        self.journal.write("start", id=AT_THE_END)
        words = f"left behind: {'; '.join(left)}" if left else ""
        self._test(AT_THE_END, "failed" if left else "passed", words, time.time() - began)
        asked = {test: witness.count(*window) for test, window in self.windows.items()}
        asked[AT_THE_END] = witness.count(0.0, time.time())
        self.journal.write("asked", tests=asked)
        self.open.close()
        self.journal.write("end")

    def close(self) -> None:
        """Let go of files, and of what an end did not come to."""
        self.served.close()
        self.journal.close()
        if self._folder is not None:
            self._folder.cleanup()

    # ---- tests ----------------------------------------------------------------------------------------------------

    def collected(self, items: list[pytest.Item]) -> None:
        """Write down every test there is, and keep those that apply."""
        manifest = load_manifest()
        tests = [_leftovers_test()]
        kept = []
        for item in items:
            evidence = evidence_of(item)
            if evidence is None or evidence.requirement not in manifest.requirements:
                self.journal.write("problem", words=f"{item.nodeid} names no requirement of the manifest")
                continue
            capability = evidence.capability or manifest.requirements[evidence.requirement].capability
            applies = capability is None or (capability in self.target.supported) != evidence.refusal
            tests.append(
                {
                    "id": item.nodeid,
                    "requirement": evidence.requirement,
                    "applies": applies,
                    "refusal": evidence.refusal,
                }
            )
            if applies and (not self.only or evidence.requirement in self.only):
                kept.append(item)
        items[:] = kept
        self.journal.write("collected", tests=tests)

    def started(self, item: pytest.Item) -> None:
        """A test begins."""
        self.recorder.clear()
        self.journal.write("start", id=item.nodeid)

    def look_after(self) -> None:
        """A test failed: does the backend live?"""
        if self.running and self.dead is None:
            try:
                check_alive()
            except BackendDied as death:
                self.dead = f"the backend died: {death}"

    def finished(self, item: pytest.Item, outcome: str, words: str, began: float) -> None:
        """A test has ended."""
        self.windows[item.nodeid] = (began, time.time())
        self._test(item.nodeid, outcome, words, time.time() - began)
        if self.dead is not None:
            self.journal.write("stopped", words=self.dead)

    def _test(self, test: str, outcome: str, words: str, seconds: float) -> None:
        self.journal.write(
            "test",
            id=test,
            outcome=outcome,
            words=words,
            seconds=round(seconds, 3),
            examples=self.recorder.examples,
            quotas=self.recorder.missed(),
        )
        self.recorder.clear()


def _leftovers_test() -> dict[str, Any]:
    return {"id": AT_THE_END, "requirement": "leftovers", "applies": True, "refusal": False}
