"""One HTTP request to a web function: a call whose input is the request, whose items are the response (web.kinds)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from intermodal.client.tracing import call_in_trace
from intermodal.exception import Error
from intermodal.gateway import responses
from intermodal.gateway.endpoints import Endpoint, Feed, Request
from intermodal.gateway.headers import traceparent
from intermodal.gateway.replies import NOT_RUNNING, respond, what_failed
from intermodal.gateway.streams import CREDIT, Failed, events_of
from intermodal.wire.events import encode

__all__ = ["LEAVING", "LEFT", "Leaving", "answer_http"]

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

#: What to call when the client of a connection leaves, by whoever wants it; the key of that in a request's scope.
Leaving = dict[object, Callable[[], None]]
LEAVING = "intermodal.leaving"
#: Is in a connection's `Leaving` when its client has left.
LEFT = "left"


async def answer_http(
    endpoint: Endpoint, scope: dict[str, Any], leaving: Leaving | None, receive: Receive, send: Send
) -> None:
    """Answer it. A client that leaves cancels the call."""
    first = await receive()
    if first["type"] != "http.request":  # it has left already
        return
    feed = None
    try:
        line = await endpoint.caller.line()
        if first["more_body"]:
            feed = line.open_feed()
            scope["intermodal.feed"] = feed.token
        with call_in_trace(traceparent(scope["headers"])):
            call = line.submit(endpoint.target, encode([scope, first]), CREDIT)
    except Error:
        await respond(send, 503, NOT_RUNNING)
        return
    try:
        await _Exchange(call, feed, receive, send).run(leaving)
    finally:
        if feed is not None:
            feed.close()


class _Exchange:
    def __init__(self, call: Request, feed: Feed | None, receive: Receive, send: Send) -> None:
        self._call = call
        self._feed = feed
        self._receive = receive
        self._send = send
        self._begun = self._complete = self._left = False

    async def run(self, leaving: Leaving | None) -> None:
        call, incoming = self._call, None
        if self._feed is None and leaving is not None:  # nothing more can come
            leaving[self] = self._leave
            if LEFT in leaving:
                self._leave()
        else:
            incoming = asyncio.get_running_loop().create_task(self._incoming(call))
        try:
            await self._outgoing(call)
        finally:
            if incoming is not None:
                incoming.cancel()
            elif leaving is not None:
                del leaving[self]
            if not self._complete:
                call.cancel()

    def _leave(self) -> None:
        if not self._complete:
            self._left = True
            self._call.cancel()

    async def _incoming(self, call: Request) -> None:
        """Pass the body on, and see the client leave."""
        more = self._feed is not None
        while True:
            if more and self._feed is not None:
                await self._feed.room()
            event = await self._receive()
            if event["type"] == "http.disconnect":
                self._leave()
                return
            if more and self._feed is not None:
                more = event["more_body"]
                self._feed.put(encode([event]))

    async def _outgoing(self, call: Request) -> None:
        try:
            async for event in events_of(call):
                await self._pass(event)
                if self._complete:
                    return
        except Failed as failed:
            await self._failed(*what_failed(failed.status, failed.payload))
        except ValueError:
            await self._failed(500, "the web function has sent what is no response")
        except Error:
            await self._failed(503, NOT_RUNNING)
        else:
            await self._failed(500, "the web function has ended without a response")

    async def _pass(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "http.response.start" and not self._begun:
            started = responses.start(event)
            self._begun = True
            await self._send(started)
        elif kind == "http.response.body" and self._begun:
            piece = responses.body(event)
            self._complete = not piece["more_body"]
            await self._send(piece)
        else:
            raise ValueError("no event of a response")

    async def _failed(self, status: int, text: str) -> None:
        """Say so; a response that has begun is cut instead, by returning before its end."""
        if self._begun or self._left:
            return
        self._complete = True
        await respond(self._send, status, text)
