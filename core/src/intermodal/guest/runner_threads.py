"""Several sync inputs at once, each on a thread of a pool (conc.inputs); the main thread reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from intermodal.guest.execution import Armor, Execution
from intermodal.guest.session import Session
from intermodal.guest.turns import Seat
from intermodal.guest.work import Batch, Work, attempts_of

__all__ = ["ThreadRunner", "Workers"]


class Workers:
    """At most `most` threads that run work, each started when it is first needed. `on_idle`: none is busy any more."""

    def __init__(self, session: Session, most: int, on_idle: Callable[[], None]) -> None:
        self._session = session
        self._most = most
        self._on_idle = on_idle
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._executions: list[Execution] = []
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._gate = threading.Lock()

    @property
    def waiting(self) -> bool:
        """True where work has no thread yet."""
        return not self._queue.empty()

    @property
    def unfinished(self) -> int:
        """How much is queued or runs."""
        return self._unfinished

    def submit(self, work: Sequence[Work]) -> None:
        """Run this as soon as threads are free."""
        for each in work:
            with self._gate:
                self._unfinished += 1
                grow = len(self._threads) < min(self._most, self._unfinished)
                if grow:
                    name = f"intermodal-input-{len(self._threads)}"
                    self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
            if grow:
                self._threads[-1].start()
            self._queue.put(each)

    def take_back(self) -> list[int]:
        """Give up what has no thread yet; its attempts."""
        attempts: list[int] = []
        while True:
            try:
                work = self._queue.get_nowait()
            except Empty:
                return attempts
            if work is not None:
                attempts.extend(attempts_of(work))
                self._finished()

    def nudge(self) -> None:
        """Credit or a cancellation has come for some of them."""
        for execution in tuple(self._executions):
            execution.nudge()

    def close(self) -> None:
        """End the threads once they are free."""
        for _ in self._threads:
            self._queue.put(None)

    def _run(self) -> None:
        session = self._session
        execution = Execution(session, Armor())
        self._executions.append(execution)
        while True:
            work = self._queue.get()
            if work is None:
                return
            session.clock.start()
            session.running.enter(work.inputs[0] if isinstance(work, Batch) else work)
            execution.run(work, not self._queue.empty())
            session.clock.stop()
            del work
            self._finished()

    def _finished(self) -> None:
        with self._gate:
            self._unfinished -= 1
            idle = not self._unfinished
        if idle:
            self._session.results.flush()
            self._on_idle()


class ThreadRunner:
    """All methods are sync, `max_inputs` > 1."""

    def __init__(self, session: Session, max_inputs: int) -> None:
        self._session = session
        self._seat = Seat()
        self._workers = Workers(session, max_inputs, lambda: session.turns.nudge(self._seat))

    @property
    def waiting(self) -> bool:
        return self._workers.waiting

    def accept(self, work: Sequence[Work]) -> None:
        self._session.attend()
        self._workers.submit(work)

    def take_back(self) -> list[int]:
        return self._workers.take_back()

    def cancel(self, attempts: Sequence[int]) -> None:
        # A running one cannot be interrupted on its thread: the host recycles the container (conc.cancel).
        self._workers.nudge()

    def wake(self) -> None:
        self._workers.nudge()
        self._session.turns.nudge(self._seat)

    def serve(self) -> None:
        session = self._session
        session.turns.wait(lambda: session.stopping, self._seat)
        session.give_back()
        session.turns.wait(lambda: not self._workers.unfinished, self._seat)
        session.results.flush()
        self._workers.close()
