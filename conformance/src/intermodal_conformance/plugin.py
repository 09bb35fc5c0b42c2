"""The pytest plugin: options, the backend's session, deadlines, and the journal that the verdict is made from.

Usable without the command, for developing: `pytest -p intermodal_conformance.plugin --pyargs
intermodal_conformance.suite --backend local -k map`; `-x`, `--pdb` and `-n 2` work too. There is no verdict then.
"""

from __future__ import annotations

import os
import platform
import signal
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import hypothesis
import pytest

from intermodal.exception import Error
from intermodal.plugins.capabilities import CAPABILITY_ROLES
from intermodal_conformance.deviations import UsageError
from intermodal_conformance.harness import Harness, find_harness
from intermodal_conformance.journal import Journal
from intermodal_conformance.manifest import load_manifest
from intermodal_conformance.marks import evidence_of
from intermodal_conformance.profiles import PROFILES, Profile
from intermodal_conformance.recorder import Recorder
from intermodal_conformance.target import (
    BackendDied,
    Hung,
    Target,
    capabilities_of,
    check_alive,
    choose,
    opened,
    version_of,
    versions,
)
from intermodal_conformance.witness import witness

SESSION = pytest.StashKey["Conformance"]()
#: The name under which the end of the run is evidence for the requirement "leftovers".
AT_THE_END = "leftovers at the end"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options that the command passes on."""
    group = parser.getgroup("intermodal conformance")
    group.addoption("--backend", default="local", help="the backend under test")
    group.addoption("--conformance-plugins", default="", help="plugins of intermodal to load, separated by commas")
    group.addoption("--conformance-profile", default="dev", choices=sorted(PROFILES))
    group.addoption("--conformance-test-deadline", default=None, help="seconds for each test")
    group.addoption("--conformance-seed", default=None, help="the seed, where the run is to be random")
    group.addoption("--conformance-database", default=None, help="where hypothesis keeps failing programs")
    group.addoption("--conformance-journal", default=None, help="where to write what happens")
    group.addoption("--only", default="", help="requirements to test, separated by commas")


def pytest_configure(config: pytest.Config) -> None:
    """Make the session's state. The controller of xdist has none: its workers do the work."""
    config.addinivalue_line("markers", "evidence(requirement, capability, refusal): what a test is about")
    if not getattr(config.option, "numprocesses", None):
        config.stash[SESSION] = conformance = Conformance(config)
        config.pluginmanager.register(CollectProblems(conformance.journal))


class CollectProblems:
    """A module of the suite that does not import is a problem of the run."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write it down."""
        if report.failed:
            self._journal.write(
                "problem", words=f"{report.nodeid} could not be collected: {report.longreprtext[-300:]}"
            )


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
        self.open = ExitStack()
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
        self.target = Target(
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

    def end(self) -> None:
        """What was asked, and what is left; the session's app has ended before."""
        began = time.time()
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
        """Let go of files."""
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


# ---- hooks of pytest -------------------------------------------------------------------------------------------------


def pytest_sessionstart(session: pytest.Session) -> None:
    """Ask the backend what it can do, before anything is collected."""
    conformance = session.config.stash.get(SESSION, None)
    if conformance is None or session.config.option.collectonly:
        return
    try:
        conformance.begin()
    except (Error, UsageError, ValueError) as error:
        conformance.journal.write("usage", words=str(error))
        pytest.exit(str(error), returncode=2)
    hypothesis.settings.register_profile("conformance", _settings(conformance))
    hypothesis.settings.load_profile("conformance")


def _settings(conformance: Conformance) -> hypothesis.settings:
    database = conformance.config.getoption("--conformance-database")
    settings = conformance.profile.settings(None if database is None else Path(database))
    random = conformance.profile.random or conformance.target.seed is not None
    return hypothesis.settings(settings, derandomize=not random)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Before `-k` takes tests away."""
    conformance = session.config.stash.get(SESSION, None)
    if conformance is not None and not session.config.option.collectonly:
        conformance.collected(items)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """`-k` and the like: the run is partial."""
    if items and (conformance := items[0].config.stash.get(SESSION, None)) is not None:
        conformance.journal.write("deselected", tests=[item.nodeid for item in items])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """One test: its deadline, its outcome, its window of time."""
    conformance = item.config.stash[SESSION]
    began = time.time()
    conformance.started(item)
    _outcomes.clear()
    usepdb = item.config.option.usepdb
    previous = signal.signal(signal.SIGALRM, _hung)
    signal.setitimer(signal.ITIMER_REAL, 0 if usepdb else conformance.profile.test_deadline_s)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        outcome, words = _outcomes[-1] if _outcomes else ("failed", "it gave no outcome")
        if outcome in ("failed", "hung") and not usepdb:
            conformance.look_after()
        conformance.finished(item, outcome, words, began)
        if conformance.dead is not None:
            item.session.shouldstop = conformance.dead


_outcomes: list[tuple[str, str]] = []


def _hung(signum: int, frame: FrameType | None) -> None:
    raise Hung("it did not end within its deadline")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep the worst of setup, call and teardown."""
    report = yield
    raised = call.excinfo.value if call.excinfo is not None else None
    if isinstance(raised, BackendDied):
        item.config.stash[SESSION].dead = f"the backend died: {raised}"
        _outcomes.append(("died", str(raised)))
    elif _outcomes and _outcomes[-1][0] != "passed":
        pass
    elif isinstance(raised, Hung):
        _outcomes.append(("hung", str(raised)))
    elif report.skipped:
        _outcomes.append(("skipped", "a skip is no evidence"))
    elif report.failed:
        _outcomes.append(("failed", _words(raised)))
    elif report.when == "call" and report.passed:
        _outcomes.append(("passed", ""))
    return report


def _words(raised: BaseException | None) -> str:
    text = " ".join(str(raised).split())
    return f"{type(raised).__name__}: {text}"[:600]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """All fixtures are gone by now, the app with them."""
    conformance = session.config.stash.get(SESSION, None)
    if conformance is not None and hasattr(conformance, "target"):
        conformance.end()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go."""
    conformance = config.stash.get(SESSION, None)
    if conformance is not None:
        conformance.close()


# ---- what tests get --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Iterator[Target]:
    """The backend, with the suite's app running on it."""
    from intermodal_conformance.apps import everything

    conformance = pytestconfig.stash[SESSION]
    try:
        run = everything.app.run()
        run.__enter__()
    except Exception as error:
        raise BackendDied(f"the suite's app could not start: {type(error).__name__}: {error}") from error
    conformance.running = True
    try:
        yield conformance.target
    finally:
        conformance.running = False
        run.__exit__(None, None, None)


@pytest.fixture
def recorder(pytestconfig: pytest.Config) -> Recorder:
    """Where a test counts its examples."""
    return pytestconfig.stash[SESSION].recorder
