"""HTTP/1.1 as a client speaks it: the head of a request, a response's head and body. With the standard library only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from intermodal.wire.events import MAX_BODY, Event

__all__ = ["Head", "body_of", "read_head", "request_head"]


@dataclass(frozen=True)
class Head:
    """Of a response. Names of headers are in lower case."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]

    def get(self, name: bytes) -> bytes | None:
        """The first header of that name."""
        return next((value for known, value in self.headers if known == name), None)


def request_head(scope: Event, extra: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The head of a request with the path below the app's root."""
    root = scope["root_path"]
    raw = scope.get("raw_path") or b""
    path = raw[len(root) :] if raw.startswith(root.encode()) else quote(scope["path"].removeprefix(root)).encode()
    query = scope.get("query_string") or b""
    target = (path or b"/") + (b"?" + query if query else b"")
    method = scope.get("method", "GET").encode()
    forwarded = (b"x-forwarded-prefix", root.encode())
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    lines += [b"%b: %b" % header for header in [*scope["headers"], forwarded, *extra]]
    return b"\r\n".join([*lines, b"", b""])


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Raises `ValueError` where none comes."""
    try:
        text = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ValueError(f"the server has sent no response: {error}") from None
    status, *lines = text[:-4].split(b"\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise ValueError(f"the server has sent {line[:60]!r}, which is no header")
        headers.append((name.strip().lower(), value.strip()))
    words = status.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise ValueError(f"the server has sent {status[:60]!r}, which is no HTTP")
    return Head(int(words[1]), headers)


async def body_of(head: Head, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The pieces of a body, as they come. Raises `ValueError`, `EOFError` where it ends too early."""
    if b"chunked" in (head.get(b"transfer-encoding") or b"").lower():
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            async for piece in _exactly(size, reader):
                yield piece
            await reader.readexactly(2)
        return
    length = head.get(b"content-length")
    if length is not None:
        async for piece in _exactly(int(length), reader):
            yield piece
        return
    while piece := await reader.read(MAX_BODY):
        yield piece


async def _exactly(size: int, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size:
        piece = await reader.read(min(size, MAX_BODY))
        if not piece:
            raise EOFError("the server has hung up within its response")
        size -= len(piece)
        yield piece
