"""The pytest plugin: options, hooks, and what tests get. `session` has the run, `watch` a single test.

Usable without the command, for developing: `pytest -p intermodal_conformance.plugin --pyargs
intermodal_conformance.suite --backend local -k map`; `-x`, `--pdb` and `-n 2` work too. There is no verdict then.
"""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from intermodal.exception import Error
from intermodal_conformance.deviations import UsageError
from intermodal_conformance.journal import Journal
from intermodal_conformance.profiles import PROFILES
from intermodal_conformance.recorder import Recorder
from intermodal_conformance.session import SESSION, Conformance
from intermodal_conformance.target import BackendDied, Target
from intermodal_conformance.watch import Watch


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
        config.pluginmanager.register(Watch(conformance))


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
    hypothesis.settings.register_profile("conformance", conformance.settings())
    hypothesis.settings.load_profile("conformance")


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
