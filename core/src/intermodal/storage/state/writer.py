"""This process's access to the shared database: on the caller's thread where it is free, else on one thread that waits.

What comes while the database is in use forms the next transaction.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from intermodal.storage.state.checkpoints import Checkpoints
from intermodal.storage.state.ledger import Job
from intermodal.storage.state.lines import Ticket
from intermodal.storage.state.requests import RequestError, closing
from intermodal.storage.state.shared import SharedLedger

__all__ = ["Writer"]

_GROUP = 1024  # jobs in one transaction, so that other engines get their turn


class Writer:
    """Takes jobs from any thread; hands finished tickets, once they are committed, to `deliver`, on whatever thread
    committed them."""

    def __init__(self, data_dir: Path, deliver: Callable[[list[Ticket]], None]) -> None:
        self._data_dir = data_dir
        self._deliver = deliver
        self._turn = threading.Lock()  #: for `_ledger`, and for taking from `_jobs`, so that nobody overtakes
        self._ledger: SharedLedger | None = None
        self._checkpoints = Checkpoints(data_dir, self._ring)
        self._jobs: deque[Job] = deque()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._asleep = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="intermodal-state", daemon=True)
        self._thread.start()

    def now(self, job: Job) -> bool:
        """Do it before returning, if that takes no waiting for another process; False, with nothing done, if it would.

        Ctrl-C may come at any moment on the main thread: `with` and `finally`, followed by calls into C only, are what
        it cannot part from what they guard.
        """
        if self._jobs or self._turn.locked():
            return False
        done: list[Ticket] = []
        try:
            with self._turn:
                if self._jobs or self._ledger is None or not self._ledger.transact_now([job], done):
                    return False
        finally:
            self._deliver(done)
        self._checkpoints.count()
        return True

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
        while True:
            poked = self._sleep()
            with self._turn:
                jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), _GROUP))]
                done = self._transact(jobs, poked) if jobs or poked else []
            self._deliver(done)
            self._checkpoints.take()
            if self._closing and not self._jobs:
                break
        with self._turn:
            ledger, self._ledger = self._ledger, None
        if ledger is not None:
            self._checkpoints.close()
            self._deliver(ledger.close(closing()))

    def _transact(self, jobs: list[Job], poked: bool) -> list[Ticket]:
        try:
            self._ledger = self._ledger or SharedLedger(self._data_dir)
            self._checkpoints.count()
            done: list[Ticket] = []
            self._ledger.transact(jobs, done, poked=poked)
            return done
        except RequestError as error:  # the file cannot be used; the next request tries again
            return _fail(jobs, error)

    def _sleep(self) -> bool:
        """Wait for work; True where another process has poked this one."""
        ledger = self._ledger
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
