"""Responses of the gateway's own: where nothing answers, or what should has failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from intermodal.exception import (
    CapabilityNotSupported,
    FunctionTimeoutError,
    InputCancelledError,
    ResourceExhaustedError,
)
from intermodal.specs.status import CANCELLED
from intermodal.wire.payload import FAILURE, failure

__all__ = ["NOT_RUNNING", "refuse", "respond", "what_failed"]

Send = Callable[[Any], Awaitable[None]]
NOT_RUNNING = "the app is stopping, or does not start: try again"
_FAILED = "the web function has failed: its log says why"


async def respond(send: Send, status: int, text: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """A whole response to an HTTP request."""
    body = f"{text}\n".encode()
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*plain, *headers]})
    await send({"type": "http.response.body", "body": body})


async def refuse(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Send,
    status: int,
    text: str,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """The same to whatever came. What was sent with it is not read."""
    if scope["type"] == "http":
        await respond(send, status, text, headers)
        return
    await receive()
    await respond(_denying(send), status, text, headers)


def _denying(send: Send) -> Send:
    async def deny(event: dict[str, Any]) -> None:
        await send({**event, "type": f"websocket.{event['type']}"})

    return deny


def what_failed(status: int, payload: Any) -> tuple[int, str]:
    """The HTTP status and the text for a call that has ended with this status of its own. What the user's code says of
    it is not for the client."""
    if status == CANCELLED:
        return 503, NOT_RUNNING
    if isinstance(payload, bytes) and payload[:1] == bytes((FAILURE,)):
        error = failure(payload)
        if isinstance(error, FunctionTimeoutError):
            return 504, "the web function has taken longer than its timeout"
        if isinstance(error, CapabilityNotSupported):
            return 501, "the web function cannot run with the backend that is used here"
        if isinstance(error, ResourceExhaustedError):
            return 503, "the web function cannot start: what it needs is not there"
        if isinstance(error, InputCancelledError):
            return 503, NOT_RUNNING
    return 500, _FAILED
