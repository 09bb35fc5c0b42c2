"""A web server that the user's code starts in the container, as an ASGI app: requests go on to its port (web.kinds)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from intermodal.guest.web.http import body_of, read_head, request_head
from intermodal.guest.web.websockets import relay
from intermodal.specs.web import WebSpec
from intermodal.wire.events import Event

__all__ = ["LocalServer"]

Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_HOST = "127.0.0.1"
#: Seconds between two looks whether the server takes connections.
_LOOK_S = 0.02


class LocalServer:
    """Has no lifespan: the server has begun when this is made."""

    def __init__(self, port: int) -> None:
        self._port = port

    @classmethod
    async def start(cls, spec: WebSpec, function: Callable[..., Any], label: str) -> LocalServer:
        """Call the user's function, and wait for the server. Raises what it raises, `RuntimeError`."""
        if await _listens(spec.port):
            raise RuntimeError(
                f"{label}: port {spec.port} is in use already, by another program or container on this network: choose "
                "another port"
            )
        made = function()
        if inspect.isawaitable(made):
            await made
        loop = asyncio.get_running_loop()
        end = loop.time() + spec.startup_timeout_s
        while not await _listens(spec.port):
            if loop.time() > end:
                raise RuntimeError(
                    f"{label} has returned, and nothing takes connections at port {spec.port} after "
                    f"{spec.startup_timeout_s:g} s: start a server there, or give @web_server a longer startup_timeout="
                )
            await asyncio.sleep(_LOOK_S)
        return cls(spec.port)

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """One request, over a connection of its own."""
        if scope["type"] not in ("http", "websocket"):
            raise NotImplementedError("the server has begun already")
        async with _connected(self._port) as (reader, writer):
            if scope["type"] == "websocket":
                await relay(scope, receive, send, reader, writer)
            else:
                await _pass(scope, receive, send, reader, writer)


async def _pass(
    scope: Event, receive: Receive, send: Send, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    uploading = asyncio.get_running_loop().create_task(_upload(scope, receive, writer))
    try:
        head = await read_head(reader)
        while head.status < 200:  # 100 Continue and the like
            head = await read_head(reader)
        # The gateway's own server adds the date.
        headers = [header for header in head.headers if header[0] != b"date"]
        await send({"type": "http.response.start", "status": head.status, "headers": headers})
        if scope["method"] != "HEAD" and head.status not in (204, 304):
            async for piece in body_of(head, reader):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        uploading.cancel()
        await asyncio.gather(uploading, return_exceptions=True)


async def _upload(scope: Event, receive: Receive, writer: asyncio.StreamWriter) -> None:
    """The request; the server may answer before it has all of it."""
    event = await receive()
    sized = any(name == b"content-length" for name, _ in scope["headers"])
    chunked = not sized and event.get("more_body", False)
    extra = [(b"connection", b"close")]
    if chunked:
        extra.append((b"transfer-encoding", b"chunked"))
    elif not sized and event.get("body"):  # it came in chunks, and is whole by now
        extra.append((b"content-length", str(len(event["body"])).encode()))
    writer.write(request_head(scope, extra))
    while True:
        body = event.get("body", b"")
        if body:
            writer.write(b"%x\r\n%b\r\n" % (len(body), body) if chunked else body)
        if not event.get("more_body", False):
            break
        await writer.drain()
        event = await receive()
    if chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(_HOST, port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _listens(port: int) -> bool:
    try:
        async with _connected(port):
            return True
    except OSError:
        return False
