"""One sync input at a time on the main thread (conc.single): the fast path."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from intermodal.guest.execution import Execution
from intermodal.guest.session import Session
from intermodal.guest.turns import Seat
from intermodal.guest.work import Batch, Work, taken_back

__all__ = ["MainRunner"]


class MainRunner:
    """The main thread reads, runs, and sends; while user code runs, the monitor reads where data waits."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._inbox: deque[Work] = deque()
        self._seat = Seat()
        self._execution = Execution(session, session.interruption)

    @property
    def waiting(self) -> bool:
        return bool(self._inbox)

    def accept(self, work: Sequence[Work]) -> None:
        self._inbox.extend(work)
        self._session.turns.nudge(self._seat)

    def take_back(self) -> list[int]:
        return taken_back(self._inbox)

    def cancel(self, attempts: Sequence[int]) -> None:
        current = self._execution.current
        if current and self._session.cancelled.issuperset(current):
            self._session.interruption.request(current[0])
            self._execution.nudge()

    def wake(self) -> None:
        self._execution.nudge()
        self._session.turns.nudge(self._seat)

    def serve(self) -> None:
        session = self._session
        session.clock.start()
        while self._inbox or self._rest():
            self._next()
            if session.stopping:
                session.give_back()
        session.results.flush()

    def _next(self) -> None:
        session = self._session
        inbox = self._inbox
        try:
            work = inbox.popleft()
        except IndexError:  # the monitor has given it back
            return
        session.running.sole = work.inputs[0] if isinstance(work, Batch) else work
        self._execution.run(work, inbox)
        session.running.sole = None

    def _rest(self) -> bool:
        """Wait for work; False where none will come."""
        session = self._session
        if session.results.unsent:
            session.results.flush()
        session.clock.stop()
        session.channel.flush_releases()
        session.turns.wait(lambda: self._inbox or session.stopping, self._seat)
        session.clock.start()
        session.attend()
        return bool(self._inbox) or not session.stopping
