"""One input per call: `.remote()`, `.spawn()`, `.remote_gen()`, and `FunctionCall`.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import builtins
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from intermodal.client.api import CallHandle, CallTarget, Client
from intermodal.client.checking import checked_class
from intermodal.client.control_plane import control_plane
from intermodal.client.dual import Dual, dual
from intermodal.client.errors import rebuild
from intermodal.exception import InputCancelledError, InvalidError, OutputExpiredError
from intermodal.specs.status import CANCELLED, ERROR, GENERATOR_END, ITEM, OK
from intermodal.wire.payload import FAILURE, failure

__all__ = ["FunctionCall", "gather", "remote", "remote_gen", "spawn"]

R = TypeVar("R")

#: How many items a generator may be ahead of its reader.
GENERATOR_AHEAD = 64
_FAILURE = bytes((FAILURE,))


def value_of(client: Client, status: int, payload: Any) -> Any:
    """The value of an output, or its error raised."""
    if status == OK:
        return client.loads(payload)
    if status == ERROR:
        raise rebuild(client, payload)
    if status == CANCELLED:
        raise failure(payload) if payload[:1] == _FAILURE else InputCancelledError("the input was cancelled")
    return None


async def remote(client: Client, target: CallTarget, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one input and wait for its value (call.identity). Leaving early (Ctrl-C, a cancelled task) cancels the
    call."""
    call = client.submit(target, (client.dumps((args, kwargs)),), closed=True)
    try:
        batch = await call.outputs.next()
    except BaseException:
        call.cancel()
        raise
    if batch is None:
        raise InputCancelledError("the call ended without a result")
    return value_of(client, batch[1][0], batch[2][0])


async def remote_gen(
    client: Client, target: CallTarget, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> AsyncGenerator[Any, None]:
    """Yield what the generator function yields, as produced, with backpressure (gen.stream)."""
    call = client.submit(target, (client.dumps((args, kwargs)),), closed=True, credit=GENERATOR_AHEAD)
    taken = 0
    ended = False
    try:
        while True:
            batch = await call.outputs.next()
            if batch is None:
                ended = True
                return
            for status, payload in zip(batch[1], batch[2], strict=True):
                if status != ITEM:
                    ended = True
                    if status not in (GENERATOR_END, OK):
                        value_of(client, status, payload)
                    return
                yield client.loads(payload)
                taken += 1
                if taken * 2 >= GENERATOR_AHEAD:
                    call.grant(taken)
                    taken = 0
    finally:
        if not ended:
            call.cancel()


async def spawn(client: Client, target: CallTarget, args: tuple[Any, ...], kwargs: dict[str, Any]) -> FunctionCall[Any]:
    """Start one input and return its `FunctionCall` (call.spawn)."""
    return await spawn_all(client, target, (client.dumps((args, kwargs)),))


async def spawn_all(client: Client, target: CallTarget, inputs: Sequence[Any]) -> FunctionCall[Any]:
    """Start a detached call of several inputs; it is accepted when this returns (deploy.durable)."""
    call = client.submit(target, inputs, closed=True, detached=True)
    await call.accepted
    return FunctionCall(call.id, client, call, len(inputs))


@checked_class
class FunctionCall(Generic[R]):
    """A call that goes on by itself (call.spawn). It pickles as its id; any handle of it gives the same outputs."""

    gather: ClassVar[Dual[..., list[Any]]]

    def __init__(
        self, object_id: str, client: Client | None = None, call: CallHandle | None = None, inputs: int = 1
    ) -> None:
        self.object_id = object_id
        self._client = client
        self._call = call
        self._inputs = inputs
        self._outputs: dict[int, tuple[int, Any]] = {}

    @classmethod
    def from_id(cls, function_call_id: str) -> FunctionCall[Any]:
        """The call with this id. Errors about an unknown id come with the first `get`."""
        return FunctionCall(function_call_id)

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.object_id,)

    def __repr__(self) -> str:
        return f"FunctionCall({self.object_id!r})"

    @property
    def num_inputs(self) -> int:
        """How many inputs the call has, as far as this handle knows."""
        return self._inputs

    @dual
    async def get(self, timeout: float | None = None, index: int = 0) -> R:
        """Wait for the value of input `index`, at most `timeout` seconds.

        Raises the builtin `TimeoutError` when the time is up, and whatever the function raised; `OutputExpiredError`
        where the output is no longer kept; `InvalidError` where the call was spawned with no inputs.
        """
        if not self._inputs:
            raise InvalidError(f"call {self.object_id} has no inputs, so there is no value to get: see get_all()")
        client = self._client or control_plane()
        status, payload = await self._output(client, index, timeout)
        return value_of(client, status, payload)  # type: ignore[no-any-return]

    @dual
    async def get_all(self, timeout: float | None = None) -> list[R]:
        """The values of all inputs, in order."""
        end = None if timeout is None else time.monotonic() + timeout
        values: list[R] = []
        for index in range(self._inputs):
            left = None if end is None else max(0.0, end - time.monotonic())
            client = self._client or control_plane()
            values.append(value_of(client, *await self._output(client, index, left)))
        return values

    async def _output(self, client: Client, index: int, timeout: float | None) -> tuple[int, Any]:
        known = self._outputs.get(index)
        if known is None:
            reply = client.request("call.output", {"call": self.object_id, "index": index, "timeout": timeout})
            reply.timeout = None if timeout is None else timeout + 10.0  # the other end keeps the time
            answer = await reply
            if answer.value["state"] == "pending":
                raise builtins.TimeoutError(f"call {self.object_id} has no result after {timeout} s")
            if answer.value["state"] == "expired":
                raise OutputExpiredError(f"the output of call {self.object_id} is no longer kept")
            known = self._outputs[index] = (answer.value["status"], answer.segments[0])
        return known

    @dual
    async def cancel(self, terminate_containers: bool = False) -> None:
        """Cancel what has no result yet (conc.cancel). Idempotent."""
        client = self._client or control_plane()
        await client.request("call.cancel", {"call": self.object_id, "terminate": terminate_containers})

    @dual
    async def get_call_graph(self) -> list[dict[str, Any]]:
        """The calls made from this one, as a tree of {"call", "function", "status", "children"}."""
        client = self._client or control_plane()
        answer = await client.request("call.graph", {"call": self.object_id})
        return list(answer.value)


async def _gather(*calls: FunctionCall[Any]) -> list[Any]:
    """Values of all `calls`, in order; the first failure in that order raises."""
    return [await call.get.__wrapped__() for call in calls]


gather = FunctionCall.gather = Dual(_gather)
