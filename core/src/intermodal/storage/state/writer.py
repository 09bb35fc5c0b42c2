"""The one thread of this process that works on the shared database. What comes meanwhile forms its next transaction."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from intermodal.storage.state.ledger import Job
from intermodal.storage.state.lines import Ticket
from intermodal.storage.state.requests import RequestError, closing
from intermodal.storage.state.shared import SharedLedger

__all__ = ["Writer"]

_GROUP = 1024  # jobs in one transaction, so that other engines get their turn


class Writer:
    """Takes jobs from any thread; hands finished tickets, once they are committed, to `deliver`, on its own thread."""

    def __init__(self, data_dir: Path, deliver: Callable[[list[Ticket]], None]) -> None:
        self._data_dir = data_dir
        self._deliver = deliver
        self._jobs: deque[Job] = deque()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._asleep = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="intermodal-state", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Have it done. Never blocks."""
        self._jobs.append(job)
        if self._asleep:  # it looks at the jobs again after saying so, before it sleeps
            self._ring()

    def close(self) -> None:
        """Finish what was submitted, fail what waits, end the thread. Blocks until then."""
        self._closing = True
        self._ring()
        self._thread.join()
        os.close(self._bell)

    def _ring(self) -> None:
        self._asleep = False
        os.eventfd_write(self._bell, 1)

    def _run(self) -> None:
        ledger: SharedLedger | None = None
        while True:
            poked = self._sleep(ledger)
            jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), _GROUP))]
            if jobs or poked:
                try:
                    ledger = ledger or SharedLedger(self._data_dir)
                    self._deliver(ledger.transact(jobs, poked=poked))
                except RequestError as error:  # the file cannot be used; the next request tries again
                    self._deliver(_fail(jobs, error))
            if self._closing and not self._jobs:
                break
        if ledger is not None:
            self._deliver(ledger.close(closing()))

    def _sleep(self, ledger: SharedLedger | None) -> bool:
        """Wait for work; True where another process has poked this one."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        if ledger is not None:
            poll.register(ledger.pokes.fileno(), select.POLLIN)
        self._asleep = True
        ready = {fd for fd, _ in poll.poll(0 if self._jobs or self._closing else None)}
        self._asleep = False
        if self._bell in ready:
            os.eventfd_read(self._bell)
        return ledger is not None and ledger.pokes.fileno() in ready


def _fail(jobs: list[Job], error: RequestError) -> list[Ticket]:
    tickets = [job for job in jobs if isinstance(job, Ticket)]
    for ticket in tickets:
        ticket.outcome = error
    return tickets
