"""The call of a request: one input, many pieces of a response, made by a task of any event loop and read by it.

Nothing of it takes a lock or a task: what passes from one loop to the other are appended outputs and wake-ups.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from intermodal.client.api import CallTarget
from intermodal.client.tracing import trace_of_call
from intermodal.engine import events
from intermodal.exception import ConnectionError

if TYPE_CHECKING:
    from intermodal.driver.driver import Driver

__all__ = ["RequestCall"]

#: The client's name for the engine.
_CLIENT = "embedded"


class RequestCall:
    """Under way from when it is made, on the loop of its one reader.

    Args:
        id: one that no call has had.
        credit: how many items the function may be ahead of the reader.
    """

    def __init__(self, driver: Driver, id: str, target: CallTarget, payload: bytes, credit: int) -> None:
        self._driver = driver
        self._id = id
        self._home = asyncio.get_running_loop()
        self._outputs: deque[tuple[int, Any]] = deque()
        self._error: Exception | None = None
        self._ended = False
        self._reader: asyncio.Future[None] | None = None
        trace = trace_of_call()
        self._on_driver(lambda: self._begin(target, payload, credit, trace))

    # ---- on the reader's loop ---------------------------------------------------------------------------------------

    def take(self) -> tuple[int, Any] | None:
        """The next status with its payload, if it is there."""
        return self._outputs.popleft() if self._outputs else None

    async def arrival(self) -> bool:
        """Wait until there is something to take; False: nothing will be. Raises what submitting a call raises."""
        while not self._outputs:
            if self._ended:
                if self._outputs:  # both came in between
                    break
                if self._error is not None:
                    raise self._error
                return False
            self._reader = self._home.create_future()
            if not (self._outputs or self._ended):  # else nobody may wake it
                await self._reader
        return True

    def grant(self, items: int) -> None:
        """The reader can take `items` more."""
        with suppress(ConnectionError):
            self._on_driver(lambda: self._driver.post(events.CreditGranted(self._id, items)))

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        if not self._ended:
            with suppress(ConnectionError):
                self._on_driver(lambda: self._driver.post(events.CallCancelled(self._id)))

    def _look(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None and not reader.done():
            reader.set_result(None)

    def _on_driver(self, work: Callable[[], None]) -> None:
        try:
            self._driver.loop.call_soon_threadsafe(work)
        except RuntimeError:
            raise ConnectionError("the app has stopped") from None

    # ---- on the driver's --------------------------------------------------------------------------------------------

    def _begin(self, target: CallTarget, payload: bytes, credit: int, trace: str) -> None:
        try:
            self._driver.calling.submit(
                self._id,
                target,
                _CLIENT,
                [payload],
                closed=True,
                sink=self._take,
                on_end=self._end,
                credit=credit,
                trace=trace,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader waits for it
            self._error = error
            self._end()
            self._wake()

    def _take(self, _: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
        self._outputs.extend(zip(statuses, payloads, strict=True))
        self._driver.ready.append(self._wake)

    def _end(self) -> None:
        self._ended = True
        self._driver.ready.append(self._wake)

    def _wake(self) -> None:
        if self._reader is not None:  # else its reader looks before it waits
            with suppress(RuntimeError):  # the reader's loop is closed
                self._home.call_soon_threadsafe(self._look)
