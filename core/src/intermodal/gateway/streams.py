"""The items of a request's call, as they come, with backpressure (gen.stream)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from intermodal.gateway.endpoints import Request
from intermodal.specs.status import GENERATOR_END, ITEM
from intermodal.wire.events import Event, decode

__all__ = ["CREDIT", "Failed", "events_of"]

#: Items that a container may be ahead of the client; each is a body of `wire.events.MAX_BODY` at most.
CREDIT = 16


class Failed(Exception):
    """The call has ended otherwise than by its function's return."""

    def __init__(self, status: int, payload: Any) -> None:
        super().__init__(status)
        self.status = status
        self.payload = payload


async def events_of(request: Request) -> AsyncIterator[Event]:
    """What the container sends, until its function returns. Raises `Failed`; `ValueError` for what are no events."""
    taken = 0
    while await request.arrival():
        while (output := request.take()) is not None:
            status, payload = output
            if status == GENERATOR_END:
                return
            if status != ITEM:
                raise Failed(status, payload)
            if not isinstance(payload, bytes):
                raise ValueError("an item that is no bytes")
            for event in decode(payload):
                yield event
            taken += 1
            if taken * 2 >= CREDIT:
                request.grant(taken)
                taken = 0
