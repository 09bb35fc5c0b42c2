"""Which attempt the code that asks belongs to: for logs, nested calls, and `current_input_id()` (call.context)."""

from __future__ import annotations

from contextvars import ContextVar

from intermodal.client.context import InputContext, enter_input
from intermodal.guest.work import Input

__all__ = ["Running"]

_attempt: ContextVar[int] = ContextVar("intermodal_attempt", default=0)


class Running:
    """Coroutines and pool threads carry their attempt in a context variable.

    Where one input runs at a time it is `sole`, so that threads which the user's code starts are counted to it too.
    """

    def __init__(self) -> None:
        self.sole: Input | None = None

    def attempt(self) -> int:
        """The attempt that the calling code works for; 0 for none."""
        attempt = _attempt.get()
        if not attempt:
            sole = self.sole
            return sole[0] if sole is not None else 0
        return attempt

    def sole_input(self) -> InputContext | None:
        """What code that no context variable reaches works on."""
        sole = self.sole
        return InputContext(sole[1].id, sole[2], sole[3], sole[1].trace) if sole is not None else None

    def enter(self, work: Input) -> None:
        """`work` starts in this task or thread, until the next."""
        attempt, call, index, tries, _ = work
        _attempt.set(attempt)
        enter_input(call.id, index, tries, call.trace)
