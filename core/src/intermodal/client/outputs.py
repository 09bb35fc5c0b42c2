"""The outputs of one call as they arrive: filled by the control plane's side, read by user threads.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from intermodal.client.completion import Completion

__all__ = ["OutputBatch", "Outputs"]

#: input indices, statuses (wire.messages), payloads: three parallel sequences
OutputBatch = tuple[Sequence[int], Sequence[int], Sequence[Any]]


class Outputs:
    """Batches of outputs with one reader at a time. `completion` makes the completions its readers wait on."""

    __slots__ = ("_batches", "_completion", "_error", "_gate", "_waiting", "ended")

    def __init__(self, completion: Callable[[], Completion[None]] = Completion) -> None:
        self._completion = completion
        self._batches: deque[OutputBatch] = deque()
        self._waiting: Completion[None] | None = None
        self._error: BaseException | None = None
        self._gate = allocate_lock()
        self.ended = False

    def push(self, indices: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
        """More outputs have arrived."""
        self._batches.append((indices, statuses, payloads))
        self.wake()

    def append(self, indices: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
        """The same without waking the reader: a `wake` follows, later in this turn."""
        self._batches.append((indices, statuses, payloads))

    def end(self, error: BaseException | None = None) -> None:
        """No more will come; `error` says why where that is not the call's normal end."""
        self._error = self._error or error
        self.ended = True
        self.wake()

    def wake(self) -> None:
        """Make a waiting reader look around: outputs were pushed, a feeder has stopped."""
        with self._gate:
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set(None)

    def take(self) -> OutputBatch | None:
        """The next batch if one is there."""
        try:
            return self._batches.popleft()
        except IndexError:
            return None

    def check(self) -> None:
        """Raise the error the call ended with, if any."""
        if self._error is not None:
            raise self._error

    def arrival(self) -> Completion[None]:
        """Done when there is something to take, or the end, or a wake."""
        completion = self._completion()
        with self._gate:
            if not self._batches and not self.ended:
                self._waiting = completion
                return completion
        completion.set(None)
        return completion

    async def next(self, timeout: float | None = None) -> OutputBatch | None:
        """The next batch; None at the end. Raises the builtin `TimeoutError` after `timeout` seconds."""
        while True:
            batch = self.take()
            if batch is not None:
                return batch
            if self.ended:
                if self._batches:
                    continue
                self.check()
                return None
            arrival = self.arrival()
            arrival.timeout = timeout
            await arrival
