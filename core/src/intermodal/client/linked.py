"""A client over a link to the control plane: a guest's own connection (call.nested), or another process's.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import itertools
import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from intermodal.client.api import CallTarget, Reply
from intermodal.client.completion import Completion
from intermodal.client.context import current_input
from intermodal.client.errors import named_error, unsendable
from intermodal.client.outputs import Outputs
from intermodal.client.tracing import trace_of_call
from intermodal.exception import InvalidError, SerializationError
from intermodal.wire import columns
from intermodal.wire.arena import Arena
from intermodal.wire.frame import MAX_SEGMENTS, Buffer
from intermodal.wire.payload import Payload, dumps, loads

__all__ = ["Link", "LinkedCall", "LinkedClient"]

#: Inputs that a call may begin with: they are in one frame, with the parameters of its class.
_MOST_INPUTS = MAX_SEGMENTS - 1


class Link(Protocol):
    """What a connection offers: `intermodal.guest.link`, `intermodal.client.reading`."""

    @property
    def arena(self) -> Arena | None: ...
    def attempt(self) -> int: ...
    def send(
        self, header: dict[str, Any], columns: Sequence[Buffer] = (), payloads: Iterable[Payload] = ()
    ) -> None: ...
    def payload(self, segment: bytes) -> Payload: ...
    def payloads(self, segments: list[bytes]) -> Sequence[Payload]: ...
    def wait(self, completion: Completion[Any], nested: bool) -> None: ...
    async def wait_async(self, completion: Completion[Any], nested: bool) -> None: ...


class _LinkedCompletion(Completion[Any]):
    """Whoever waits for it may be the one who reads the connection."""

    __slots__ = ("_link", "_nested", "_request")

    def __init__(self, link: Link, nested: bool, request: int | None = None) -> None:
        super().__init__()
        self._link = link
        self._nested = nested
        self._request = request

    def withdraw(self) -> None:
        """The host stops working on it; its answer may be under way."""
        if self._request is not None:
            self._link.send({"t": "withdraw", "id": self._request})

    def wait(self) -> None:
        if not self.done:
            self._link.wait(self, self._nested)

    async def wait_async(self) -> None:
        if not self.done:
            await self._link.wait_async(self, self._nested)


class LinkedCall:
    """A call made over a link. Outputs that come after the last handle is gone are dropped."""

    def __init__(self, call_id: str, link: Link) -> None:
        self.id = call_id
        self.accepted: Completion[None] = _LinkedCompletion(link, nested=False)
        self.outputs = Outputs(lambda: _LinkedCompletion(link, nested=True))
        self._link = link

    def add(self, inputs: Sequence[Any], closed: bool) -> None:
        """More inputs; `closed` says they are the last."""
        self._link.send({"t": "add", "call": self.id, "closed": closed}, (), inputs)

    def grant(self, items: int) -> None:
        """The reader of a generator call can take `items` more."""
        self._link.send({"t": "grant", "call": self.id, "items": items})

    def cancel(self, terminate_containers: bool = False) -> None:
        """Cancel what has no result yet. Idempotent; does not wait."""
        if not self.outputs.ended:
            self._link.send({"t": "cancelcall", "call": self.id, "terminate": terminate_containers})


class LinkedClient:
    """Implements `intermodal.client.api.Client` over a link. Thread-safe."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._calls: weakref.WeakValueDictionary[str, LinkedCall] = weakref.WeakValueDictionary()
        self._requests: dict[int, Completion[Reply]] = {}
        self._ids = itertools.count(1)

    def handlers(self) -> dict[str, Callable[[dict[str, Any], list[bytes]], None]]:
        """What to do with the host's frames, by message name."""
        return {
            "outputs": self._on_outputs,
            "ended": self._on_ended,
            "accepted": self._on_accepted,
            "reply": self._on_reply,
        }

    def dumps(self, value: Any) -> Payload:
        """Pickle a value. Raises `SerializationError`."""
        try:
            return dumps(value, self._link.arena)
        except SerializationError as error:
            raise unsendable(value, error) from error.__cause__

    def loads(self, payload: Payload) -> Any:
        """The value of a payload. Raises `DeserializationError`."""
        return loads(payload)

    def submit(
        self,
        target: CallTarget,
        inputs: Sequence[Any],
        *,
        closed: bool,
        credit: int | None = None,
        detached: bool = False,
    ) -> LinkedCall:
        """Start a call whose parent is the input that this code runs for, if it runs for one. Raises `InvalidError`: it
        has too many inputs at once."""
        if len(inputs) > _MOST_INPUTS:
            raise InvalidError(
                f"a call can begin with {_MOST_INPUTS:,} inputs at most, not {len(inputs):,}: spawn several calls, "
                "each with a part of them, or use .map(), which takes any number"
            )
        call = LinkedCall("fc-" + os.urandom(10).hex(), self._link)
        self._calls[call.id] = call
        parent = current_input()
        header = {
            "t": "submit",
            "call": call.id,
            "app": target.app,
            "key": target.key,
            "method": target.method,
            "parent": self._link.attempt() or None,
            "parent_call": parent.call if parent is not None else None,
            "closed": closed,
            "credit": credit,
            "detached": detached,
            "idem": call.id,
            "options": target.options,
        }
        if target.environment is not None:
            header["environment"] = target.environment
        if trace := trace_of_call():
            header["trace"] = trace
        self._link.send(header, (target.parameters,), inputs)
        return call

    def request(self, method: str, params: dict[str, Any], segments: Sequence[Payload] = ()) -> Completion[Reply]:
        """Ask the control plane. The completion fails with the error that it answers."""
        number = next(self._ids)
        completion = _LinkedCompletion(self._link, method == "call.output", number)
        self._requests[number] = completion
        header: dict[str, Any] = {"t": "request", "id": number, "method": method, "params": params}
        if any(not isinstance(segment, bytes) for segment in segments):
            header["payloads"] = True
        self._link.send(header, (), segments)
        return completion

    def _on_outputs(self, header: dict[str, Any], segments: list[bytes]) -> None:
        call = self._calls.get(header["call"])
        if call is not None:
            (indices, statuses), payloads = columns.read(header, columns.OUTPUTS, segments)
            call.outputs.push(indices, statuses, self._link.payloads(payloads))

    def _on_ended(self, header: dict[str, Any], segments: list[bytes]) -> None:
        call = self._calls.pop(header["call"], None)
        if call is not None:
            call.outputs.end()

    def _on_accepted(self, header: dict[str, Any], segments: list[bytes]) -> None:
        for id in header["calls"]:
            if (call := self._calls.pop(id, None)) is not None:
                call.accepted.set(None)
        for id, error, message in header["refused"]:
            if (call := self._calls.pop(id, None)) is not None:
                call.accepted.fail(named_error(error, message))

    def _on_reply(self, header: dict[str, Any], segments: list[bytes]) -> None:
        completion = self._requests.pop(header["id"], None)
        if completion is None:
            return
        if header["ok"]:
            received: Sequence[Any] = self._link.payloads(segments) if header.get("payloads") else segments
            completion.set(Reply(header.get("value"), received))
        else:
            completion.fail(named_error(header.get("error", ""), header.get("message", "")))
