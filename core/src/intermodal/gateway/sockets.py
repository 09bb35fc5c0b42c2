"""One WebSocket to a web function: a call whose input is the handshake, with messages both ways (web.kinds)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from intermodal.client.tracing import call_in_trace
from intermodal.exception import Error
from intermodal.gateway import responses
from intermodal.gateway.endpoints import Endpoint, Feed, Request
from intermodal.gateway.headers import for_client, traceparent
from intermodal.gateway.replies import NOT_RUNNING, refuse, what_failed
from intermodal.gateway.streams import CREDIT, Failed, events_of
from intermodal.wire.events import encode

__all__ = ["answer_socket"]

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

#: Seconds that a function has to end when its client has left.
_LEAVING_S = 10.0
_FAILED = 1011


async def answer_socket(endpoint: Endpoint, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve it until an end closes it."""
    connect = await receive()
    try:
        line = await endpoint.caller.line()
        feed = line.open_feed()
        scope["intermodal.feed"] = feed.token
        with call_in_trace(traceparent(scope["headers"])):
            call = line.submit(endpoint.target, encode([scope, connect]), CREDIT)
    except Error:
        await refuse(scope, _nothing, send, 503, NOT_RUNNING)
        return
    try:
        await _Socket(call, feed, scope, receive, send).run()
    finally:
        feed.close()


class _Socket:
    def __init__(self, call: Request, feed: Feed, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self._call = call
        self._feed = feed
        self._scope = scope
        self._receive = receive
        self._send = send
        self._accepted = self._closed = self._left = False

    async def run(self) -> None:
        call = self._call
        incoming = asyncio.get_running_loop().create_task(self._incoming(call))
        try:
            await self._outgoing(call)
        finally:
            incoming.cancel()
            call.cancel()

    async def _incoming(self, call: Request) -> None:
        while not self._left:
            await self._feed.room()
            event = await self._receive()
            self._left = event["type"] == "websocket.disconnect"
            self._feed.put(encode([event]))
        await asyncio.sleep(_LEAVING_S)
        call.cancel()

    async def _outgoing(self, call: Request) -> None:
        try:
            async for event in events_of(call):
                if not self._left:
                    await self._pass(event)
        except Failed as failed:
            await self._failed(*what_failed(failed.status, failed.payload))
        except ValueError:
            await self._failed(500, "the web function has sent what is no message")
        else:
            await self._failed(500, "the web function has ended without an answer")

    async def _pass(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "websocket.send" and self._accepted:
            text, data = event.get("text"), event.get("bytes")
            if not isinstance(text, str) and data is None:
                raise ValueError("a message without text or bytes")
            await self._send({"type": kind, "text": text} if data is None else {"type": kind, "bytes": data})
        elif kind == "websocket.accept" and not self._accepted:
            headers = for_client(event.get("headers", ()))
            subprotocol = event.get("subprotocol")
            if subprotocol is not None and subprotocol not in self._scope["subprotocols"]:
                raise ValueError("a subprotocol that the client has not offered")
            self._accepted = True
            await self._send({"type": kind, "subprotocol": subprotocol, "headers": headers})
        elif kind == "websocket.close" and not self._closed:
            self._closed = True
            await self._send({"type": kind, "code": _code(event.get("code", 1000)), "reason": _reason(event)})
        elif kind == "websocket.http.response.start" and not self._accepted:
            await self._send(responses.start(event))
            self._accepted = True
        elif kind == "websocket.http.response.body" and self._accepted:
            piece = responses.body(event)
            self._closed = not piece["more_body"]
            await self._send(piece)
        else:
            raise ValueError("no event of a WebSocket")

    async def _failed(self, status: int, text: str) -> None:
        if self._left or self._closed:
            return
        self._closed = True
        if self._accepted:
            await self._send({"type": "websocket.close", "code": _FAILED, "reason": text[:120]})
        else:
            await refuse(self._scope, _nothing, self._send, status, text)


async def _nothing() -> None:
    return None


def _code(code: Any) -> int:
    if type(code) is not int or not (1000 <= code <= 1014 or 3000 <= code < 5000) or code in (1004, 1005, 1006):
        raise ValueError("no code that a WebSocket can be closed with")
    return code


def _reason(event: dict[str, Any]) -> str:
    reason = event.get("reason") or ""
    return str(reason).encode("utf-8", "replace")[:123].decode("utf-8", "ignore")
