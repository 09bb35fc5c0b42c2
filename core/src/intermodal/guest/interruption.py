"""Cancelling the sync input on the main thread: a signal whose handler raises `InputCancellation` (conc.cancel).

Races are settled by two rules. The handler raises only while the attempt that was asked for is *armed*, and disarms it
in the same step, so that nothing leaks into the next input. And never inside a *shield*: where the main thread holds
our locks or is half way through a frame, the exception waits for the shield's end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

from intermodal.exception import InputCancellation

__all__ = ["SIGNAL", "Interruption"]

#: A real-time signal that no library is known to use.
SIGNAL = signal.SIGRTMIN + 11


class Interruption:
    """Interrupts user code on the thread that made this object, the main thread.

    `wake` ends that thread's wait for frames.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        #: the attempt whose user code runs on the main thread right now; 0: none
        self.armed = 0
        self._target = 0
        self._shields = 0
        self._pending = False
        self._wake = wake
        self.thread = threading.get_ident()

    def install(self) -> None:
        """Take the signals over. Only the main thread can."""
        signal.signal(SIGNAL, self._on_signal)
        signal.signal(signal.SIGINT, self._on_interrupt)

    def request(self, attempt: int) -> None:
        """Interrupt `attempt` if its user code is running. From any thread."""
        self._target = attempt
        if self.armed == attempt:
            signal.pthread_kill(self.thread, SIGNAL)

    @property
    def pending(self) -> bool:
        """True where a shielded wait of the main thread should end."""
        return self._pending and self.armed == self._target

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.armed and self.armed == self._target:
            if self._shields:
                self._pending = True
                self._wake()
            else:
                self._raise()

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        # A terminal's Ctrl-C may reach us: only user code that runs sees it, never in the middle of our own work.
        if self.armed and not self._shields:
            raise KeyboardInterrupt

    def _raise(self) -> None:
        self.armed = 0
        raise InputCancellation("the input was cancelled")

    def __enter__(self) -> None:
        if threading.get_ident() == self.thread:
            self._shields += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.get_ident() == self.thread:
            self._shields -= 1
            if self._pending and not self._shields:
                self._pending = False
                if self.armed and self.armed == self._target:
                    self._raise()
