"""One test: its deadline, its outcome, and what it says about the backend's life."""

from __future__ import annotations

import signal
import time
from collections.abc import Generator
from types import FrameType

import pytest

from intermodal_conformance.session import Conformance
from intermodal_conformance.target import BackendDied, Hung

__all__ = ["Watch"]


class Watch:
    """A plugin of pytest, for a run of the suite. A test's outcome is the worst of set-up, call and teardown."""

    def __init__(self, conformance: Conformance) -> None:
        self._conformance = conformance
        self._outcome: tuple[str, str] | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool | None, bool | None]:
        """From its beginning to its end, which is in time."""
        conformance = self._conformance
        began = time.time()
        conformance.started(item)
        self._outcome = None
        usepdb = item.config.option.usepdb
        previous = signal.signal(signal.SIGALRM, _hung)
        signal.setitimer(signal.ITIMER_REAL, 0 if usepdb else conformance.profile.test_deadline_s)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
            outcome, words = self._outcome or ("failed", "it gave no outcome")
            if outcome in ("failed", "hung") and not usepdb:
                conformance.look_after()
            conformance.finished(item, outcome, words, began)
            if conformance.dead is not None:
                item.session.shouldstop = conformance.dead

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """One of the three has ended."""
        report = yield
        raised = call.excinfo.value if call.excinfo is not None else None
        if isinstance(raised, BackendDied):
            self._conformance.dead = f"the backend died: {raised}"
            self._outcome = ("died", str(raised))
        elif self._outcome is None or self._outcome[0] == "passed":
            self._outcome = _outcome(report, raised) or self._outcome
        return report


def _outcome(report: pytest.TestReport, raised: BaseException | None) -> tuple[str, str] | None:
    if isinstance(raised, Hung):
        return "hung", str(raised)
    if report.skipped:
        return "skipped", "a skip is no evidence"
    if report.failed:
        return "failed", f"{type(raised).__name__}: {' '.join(str(raised).split())}"[:600]
    if report.when == "call" and report.passed:
        return "passed", ""
    return None


def _hung(signum: int, frame: FrameType | None) -> None:
    raise Hung("it did not end within its deadline")
