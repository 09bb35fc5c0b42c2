"""Detached calls of deployed apps, which outlive sessions and servers (deploy.durable)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from intermodal.driver.keeping import Output
from intermodal.server.calls.keeper import SessionKeeper
from intermodal.server.calls.rows import Call
from intermodal.server.calls.store import CallStore
from intermodal.server.calls.waiting import Waiting
from intermodal.server.calls.writer import CallRetention, CallWriter
from intermodal.specs.status import CANCELLED

__all__ = ["Calls"]


class Calls:
    """Of one server. Its coroutines are for any loop."""

    def __init__(self, store: CallStore, retention: CallRetention) -> None:
        self.store = store
        self.writer: CallWriter
        self.leaving = False  #: the server ends: what is cut off now is to go on at the next one
        self.done: dict[str, frozenset[int]] = {}  #: inputs that had their outputs when a call began once more
        self._retention = retention
        self._waiting = Waiting()

    def open(self) -> None:
        """Before the first session; blocks."""
        self.store.settle()
        self.writer = CallWriter(self.store, self._retention, self._waiting)

    def close(self) -> None:
        """After the last session: write what is left; blocks."""
        self.writer.close()
        self.store.close()

    def leave(self) -> None:
        """The server begins to end."""
        self.leaving = True

    def keeper(self, environment: str) -> SessionKeeper:
        """For a session in an environment."""
        return SessionKeeper(self, environment)

    async def output(self, call: str, index: int, timeout: float | None) -> Output:
        """An output, waited for at most `timeout` seconds. Raises `NotFoundError`."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while True:
            changed = self._waiting.begin(call)
            try:
                output = await asyncio.to_thread(self.store.output, call, index)
                if output.state != "pending":
                    return output
                await asyncio.wait_for(changed, None if deadline is None else deadline - loop.time())
            except TimeoutError:
                return Output("pending")
            finally:
                self._waiting.end(call, changed)

    async def cancel(self, call: str) -> None:
        """End a call that no session has: inputs without an output are cancelled. Raises `NotFoundError`."""
        await self.finish(call, CANCELLED, "InputCancelledError", "the call was cancelled")

    async def finish(self, call: str, status: int, error: str, message: str) -> None:
        """Give all inputs of a call that have no output this one. Raises `NotFoundError`."""
        await asyncio.wrap_future(self.writer.do(lambda: self.store.finish(call, status, error, message)))
        self._waiting.changed([call])

    async def forget_failed(self, call: str, indices: Sequence[int] | None) -> Sequence[int]:
        """See `CallStore.forget_failed`."""
        return await asyncio.wrap_future(self.writer.do(lambda: self.store.forget_failed(call, indices)))

    async def graph(self, call: str) -> list[dict[str, Any]]:
        """A call and those that it made, as far as they are kept."""
        return await asyncio.to_thread(self._tree, call)

    def _tree(self, call: str) -> list[dict[str, Any]]:
        return [_node(self.store.call(call), self)] if self.store.knows(call) else []

    def children(self, call: str) -> list[dict[str, Any]]:
        """See `graph`; blocks."""
        return [_node(child, self) for child in self.store.children(call)]


def _node(call: Call, calls: Calls) -> dict[str, Any]:
    return {"call": call.id, "function": call.function, "status": call.state, "children": calls.children(call.id)}
