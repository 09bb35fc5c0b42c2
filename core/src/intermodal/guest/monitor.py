"""The one helper thread: it looks after the connection while everybody else is in user code.

It ticks only while something runs. On a tick it reads frames that nobody has read since the last one (cancellations,
credit, a stop, outputs for other threads), sends results that have waited, and gives back inputs that wait behind a
slow one.
"""

from __future__ import annotations

import threading
import time

from intermodal.guest.channel import StreamEnded
from intermodal.guest.session import Session
from intermodal.guest.turns import Seat

__all__ = ["Monitor"]

#: Seconds between two looks.
_TICK = 0.005
#: Inputs that wait this long (seconds) behind a running one are given back.
_PATIENCE = 0.02
#: With nothing to do for this long (seconds) it falls asleep.
_DROWSY = 1.0


class Monitor:
    """Starts its thread with the first input."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seat = Seat()
        self._thread: threading.Thread | None = None
        self._asleep = True
        self._reads = -1
        self._made = -1
        self._progress = 0.0

    def attend(self) -> None:
        """Something starts to run: look from now on. Cheap where it does already."""
        if self._asleep:
            self._asleep = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="intermodal-monitor", daemon=True)
                self._thread.start()
            else:
                self._seat.nudge()

    def _run(self) -> None:
        idle_since = time.monotonic()
        try:
            while True:
                self._seat.wait(_TICK)
                now = time.monotonic()
                if self._session.clock.running or self._session.results.unsent:
                    idle_since = now
                    self._look(now)
                elif now - idle_since > _DROWSY:
                    self._asleep = True
                    if not self._session.clock.running:
                        self._seat.wait(None)
                    self._asleep = False
                    idle_since = time.monotonic()
        except StreamEnded:
            pass  # whoever reads says so

    def _look(self, now: float) -> None:
        session = self._session
        results, channel = session.results, session.channel
        if results.made != self._made:
            self._made = results.made
            self._progress = now
        else:
            if results.unsent:
                results.flush()
            runner = session.runner
            if now - self._progress > _PATIENCE and runner is not None and runner.waiting:
                session.give_back()
        if channel.reads == self._reads and channel.has_data():
            session.turns.take_over()
        self._reads = channel.reads
