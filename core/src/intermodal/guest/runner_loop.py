"""Async functions: coroutines on the container's one event loop, on the main thread (conc.inputs).

Sync methods beside them run on the main thread too where one input runs at a time, else on threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

from intermodal.guest.coroutines import Coroutines
from intermodal.guest.execution import Execution
from intermodal.guest.loops import container_loop
from intermodal.guest.results import NOTHING
from intermodal.guest.runner_threads import Workers
from intermodal.guest.session import Session
from intermodal.guest.work import Batch, Work, attempts_of, taken_back
from intermodal.specs.status import CANCELLED

__all__ = ["LoopRunner"]


class LoopRunner:
    """The loop watches the stream. All but `accept`, `cancel`, `wake` and `take_back` happens on the loop's thread."""

    def __init__(self, session: Session, max_inputs: int) -> None:
        self._session = session
        self._loop = container_loop()
        self._thread = 0
        self._most = max_inputs
        self._inbox: deque[Work] = deque()
        self._execution = Execution(session, session.interruption)
        self._workers = Workers(session, max_inputs, lambda: self._call(self._look))
        self._coroutines = Coroutines(session)
        self._tasks: dict[asyncio.Task[None], tuple[int, ...]] = {}
        self._finished = asyncio.Event()
        self._flushing = False

    @property
    def waiting(self) -> bool:
        return bool(self._inbox)

    def accept(self, work: Sequence[Work]) -> None:
        self._inbox.extend(work)
        if threading.get_ident() == self._thread:  # reading a frame: nothing sleeps that would have to be woken
            self._loop.call_soon(self._look)
        else:
            self._call(self._look)

    def take_back(self) -> list[int]:
        return taken_back(self._inbox)

    def cancel(self, attempts: Sequence[int]) -> None:
        current = self._execution.current
        if current and self._session.cancelled.issuperset(current):
            self._session.interruption.request(current[0])
            self._execution.nudge()
        self._workers.nudge()
        self._call(self._cancel_tasks)

    def wake(self) -> None:
        self._execution.nudge()
        self._workers.nudge()
        self._call(self._look)

    def _call(self, function: Callable[[], None]) -> None:
        """From any thread, and from signal handlers."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop is closed: the guest has ended
            pass

    def serve(self) -> None:
        session = self._session
        self._thread = threading.get_ident()
        session.turns.resident = session.interruption.thread
        self._loop.add_reader(session.channel.fileno(), session.turns.read_once)
        try:
            self._loop.run_until_complete(self._finished.wait())
        finally:
            self._loop.remove_reader(session.channel.fileno())
            session.turns.resident = None
        session.results.flush()
        self._workers.close()

    # ---- on the loop -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Start what there is room for; leave where the session stops."""
        session = self._session
        self._coroutines.wake()
        if session.stopping:
            session.give_back()
        while self._inbox and len(self._tasks) + self._workers.unfinished < self._most:
            try:
                work = self._inbox.popleft()
            except IndexError:  # the monitor has given it back
                break
            self._start(work)
        if not self._tasks and not self._workers.unfinished and not self._inbox:
            session.channel.flush_releases()
            if session.stopping:
                self._finished.set()

    def _start(self, work: Work) -> None:
        session = self._session
        session.attend()
        first = work.inputs[0] if isinstance(work, Batch) else work
        if first[1].method.is_async:
            session.clock.start()
            if self._most == 1:
                session.running.sole = first
            task = self._loop.create_task(self._coroutines.run(work))
            self._tasks[task] = tuple(attempts_of(work))
            task.add_done_callback(self._ended)
        elif self._most > 1:
            self._workers.submit((work,))
        else:
            session.clock.start()
            session.running.sole = first
            self._execution.run(work, self._inbox)
            session.running.sole = None
            session.clock.stop()

    def _ended(self, task: asyncio.Task[None]) -> None:
        session = self._session
        attempts = self._tasks.pop(task)
        if task.cancelled():  # before its first step, or as it was about to answer: so nothing has answered
            for attempt in attempts:
                session.granted.pop(attempt, None)
                session.finish(attempt, CANCELLED, NOTHING)
        session.clock.stop()
        if self._most == 1:
            session.running.sole = None
        self._look()
        if not self._flushing:
            # Results of tasks that end in the same turn of the loop go out together.
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._session.results.flush()

    def _cancel_tasks(self) -> None:
        cancelled = self._session.cancelled
        for task, attempts in tuple(self._tasks.items()):
            if cancelled.issuperset(attempts):
                task.cancel()
        self._coroutines.wake()
