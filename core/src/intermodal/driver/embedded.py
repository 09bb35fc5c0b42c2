"""The client of an engine in this process: user threads on one side, the driver's loop on the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

from intermodal.client.api import CallTarget, Reply
from intermodal.client.completion import Completion
from intermodal.client.errors import unsendable
from intermodal.client.outputs import Outputs
from intermodal.client.tracing import trace_of_call
from intermodal.driver.asking import Asked
from intermodal.driver.calling import DETACHED
from intermodal.driver.driver import Driver
from intermodal.engine import events
from intermodal.exception import ConnectionError, SerializationError
from intermodal.wire.arena import Arena
from intermodal.wire.payload import dumps, loads

__all__ = ["EmbeddedCall", "EmbeddedClient"]

#: The client's name for the engine.
CLIENT = "embedded"


class EmbeddedCall:
    """A call of this process."""

    __slots__ = ("_driver", "accepted", "id", "outputs")

    def __init__(self, call: str, driver: Driver) -> None:
        self.id = call
        self.outputs = Outputs()
        self.accepted: Completion[None] = Completion()
        self._driver = driver

    def add(self, inputs: Sequence[Any], closed: bool) -> None:
        """More inputs."""
        _on_loop(self._driver, lambda: self._driver.calling.add(self.id, list(inputs), closed))

    def grant(self, items: int) -> None:
        """The reader can take `items` more."""
        self._driver.post_threadsafe(events.CreditGranted(self.id, items))

    def decided(self, refusal: Exception | None) -> None:
        """It is accepted, or why it is not."""
        if refusal is None:
            self.accepted.set(None)
        else:
            self.accepted.fail(refusal)

    def cancel(self, terminate_containers: bool = False) -> None:
        """Cancel what has no result yet."""
        if not self.outputs.ended:
            self._driver.post_threadsafe(events.CallCancelled(self.id, terminate_containers))


class EmbeddedClient:
    """Implements `intermodal.client.api.Client`."""

    def __init__(self, driver: Driver, arena: Arena, session: str) -> None:
        self._driver = driver
        self._arena = arena
        self._session = session
        self._numbers = itertools.count(1)

    def new_call(self) -> str:
        """An id that no call has had."""
        return f"fc-{self._session}-{next(self._numbers)}"

    def dumps(self, value: Any) -> Any:
        """Pickle; large values straight into shared memory."""
        try:
            return dumps(value, self._arena)
        except SerializationError as error:
            raise unsendable(value, error) from error.__cause__

    def loads(self, payload: Any) -> Any:
        """Unpickle."""
        return loads(payload)

    def submit(
        self,
        target: CallTarget,
        inputs: Sequence[Any],
        *,
        closed: bool,
        credit: int | None = None,
        detached: bool = False,
        call_id: str | None = None,
    ) -> EmbeddedCall:
        """Start a call. `call_id`: one that nobody has had; default: one of this session's."""
        driver = self._driver
        call = EmbeddedCall(call_id or self.new_call(), driver)
        outputs, trace = call.outputs, trace_of_call()
        if driver.keeper is None:  # nothing that could be waited for is to become of it
            call.accepted.set(None)

        def sink(indices: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
            outputs.append(indices, statuses, payloads)
            driver.ready.append(outputs.wake)

        def begin() -> None:
            try:
                driver.hold()
                driver.calling.submit(
                    call.id,
                    target,
                    DETACHED if detached else CLIENT,
                    list(inputs),
                    closed=closed,
                    sink=None if detached else sink,
                    on_end=lambda: driver.ready.append(outputs.end),
                    credit=credit,
                    detached=detached,
                    trace=trace,
                    accepted=call.decided,
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller waits for it
                call.decided(error)
                outputs.end(error)
            finally:
                driver.pump()

        _on_loop(driver, begin)
        return call

    def request(self, method: str, params: dict[str, Any], segments: Sequence[bytes] = ()) -> Completion[Reply]:
        """Ask the driver; on the caller's own thread where that waits for nobody."""
        driver = self._driver
        asked = Asked(partial(_on_loop, driver))
        if not asked.settle_now(lambda: driver.requests.at_once(method, params, segments)):
            answer = partial(driver.requests.answer, method, params, segments)
            _on_loop(driver, lambda: asked.work.append(driver.background(asked.settle(answer))))
        return asked


def _on_loop(driver: Driver, work: Any) -> None:
    try:
        driver.loop.call_soon_threadsafe(work)
    except RuntimeError:
        raise ConnectionError(
            "the app has stopped: calls and queues work inside `with app.run():` only, or while `intermodal run` runs"
        ) from None
