"""Which attempt the code that asks belongs to: for logs, nested calls, and `current_input_id()`."""

from __future__ import annotations

from contextvars import ContextVar

from intermodal.guest.work import Input

__all__ = ["Running"]

_attempt: ContextVar[int] = ContextVar("intermodal_attempt", default=0)


class Running:
    """Coroutines and pool threads carry their attempt in a context variable. Where one input runs at a time it is `sole`,
    so that threads which the user's code starts are counted to it too."""

    def __init__(self) -> None:
        self.sole = 0

    def attempt(self) -> int:
        """The attempt that the calling code works for; 0 for none."""
        return _attempt.get() or self.sole

    def enter_sole(self, work: Input) -> None:
        """`work` starts on the main thread and nothing else runs."""
        self.sole = work[0]

    def leave_sole(self) -> None:
        """It has ended."""
        self.sole = 0

    def enter(self, work: Input) -> None:
        """`work` starts in this task or thread."""
        _attempt.set(work[0])
