"""A WebSocket to a server in the container (RFC 6455), as a client speaks it. With the standard library only."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from intermodal.guest.web.http import Head, body_of, read_head, request_head
from intermodal.wire.events import Event

__all__ = ["relay"]

Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_TEXT, _BYTES, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
#: Bytes of one message.
_MOST = 64 << 20
#: The gateway has spoken these with the client; the handshake with the server is another.
_OURS = frozenset(
    (b"connection", b"upgrade", b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions")
)


async def relay(
    scope: Event, receive: Receive, send: Send, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Open it there, and pass messages both ways until an end closes it."""
    await receive()
    key = base64.b64encode(os.urandom(16))
    asked = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]
    plain = {**scope, "headers": [header for header in scope["headers"] if header[0] not in _OURS]}
    writer.write(request_head(plain, [*asked, (b"sec-websocket-key", key)]))
    head = await read_head(reader)
    if head.status != 101:
        await _refused(head, send, reader)
        return
    chosen = head.get(b"sec-websocket-protocol")
    cookies = [header for header in head.headers if header[0] == b"set-cookie"]
    subprotocol = None if chosen is None else chosen.decode("latin-1")
    await send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": cookies})
    outgoing = asyncio.get_running_loop().create_task(_outgoing(receive, writer))
    try:
        await _incoming(send, reader, writer)
    finally:
        outgoing.cancel()
        await asyncio.gather(outgoing, return_exceptions=True)


async def _refused(head: Head, send: Send, reader: asyncio.StreamReader) -> None:
    await send({"type": "websocket.http.response.start", "status": head.status, "headers": head.headers})
    async for piece in body_of(head, reader):
        await send({"type": "websocket.http.response.body", "body": piece, "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b""})


async def _outgoing(receive: Receive, writer: asyncio.StreamWriter) -> None:
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            code = event.get("code") or 1005
            writer.write(_frame(_CLOSE, b"" if code in (1005, 1006) else struct.pack(">H", code)))
            await writer.drain()
            return
        text = event.get("text")
        writer.write(_frame(_BYTES, event["bytes"]) if text is None else _frame(_TEXT, text.encode()))
        await writer.drain()


async def _incoming(send: Send, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async for kind, message in _messages(reader):
        if kind == _TEXT:
            await send({"type": "websocket.send", "text": message.decode()})
        elif kind == _BYTES:
            await send({"type": "websocket.send", "bytes": message})
        elif kind == _PING:
            writer.write(_frame(_PONG, message))
        elif kind == _CLOSE:
            code = struct.unpack(">H", message[:2])[0] if len(message) >= 2 else 1000
            await send({"type": "websocket.close", "code": code, "reason": message[2:].decode("utf-8", "replace")})
            return


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """Whole messages, and the frames that control between their parts. Ends where the server hangs up."""
    kind, parts = 0, bytearray()
    while True:
        try:
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                size = struct.unpack(">H", await reader.readexactly(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", await reader.readexactly(8))[0]
            if size + len(parts) > _MOST:
                raise ValueError(f"the server's message is longer than {_MOST} bytes")
            body = await reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            yield _CLOSE, struct.pack(">H", 1011)
            return
        code = first & 0x0F
        if code >= _CLOSE:
            yield code, body
            continue
        kind = code or kind
        parts += body
        if first & 0x80:
            yield kind, bytes(parts)
            parts.clear()


def _frame(kind: int, body: bytes) -> bytes:
    size = len(body)
    if size < 126:
        head = struct.pack(">BB", 0x80 | kind, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", 0x80 | kind, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, 0x80 | 127, size)
    # The mask keeps proxies from taking what a page sends for HTTP. Here is no page and no proxy, and none costs least.
    return head + bytes(4) + body
