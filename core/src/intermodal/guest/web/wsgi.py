"""A WSGI app as an ASGI app: each request on a thread, its body and its response in pieces (PEP 3333)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import io
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from intermodal.wire.events import Event

__all__ = ["WsgiApp"]

Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


class WsgiApp:
    """Takes HTTP only, and has no lifespan. `threads`: requests at once."""

    def __init__(self, app: Callable[..., Any], threads: int) -> None:
        self._app = app
        self._threads = concurrent.futures.ThreadPoolExecutor(threads, "intermodal-wsgi")

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """One request. Where it is cancelled the thread hears so the next time that it reads or writes."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        if scope["type"] != "http":
            raise NotImplementedError("WSGI has no lifespan")
        loop = asyncio.get_running_loop()
        request = _Request(loop, receive, send)
        context = contextvars.copy_context()
        running = loop.run_in_executor(self._threads, context.run, request.answer, self._app, scope)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            request.leave()
            await asyncio.wait({running})
            running.exception()  # whatever it is: nobody waits for it
            raise


class _Request:
    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Receive, send: Send) -> None:
        self._loop = loop
        self._receive = receive
        self._send = send
        self._waiting: concurrent.futures.Future[Any] | None = None
        self._left = False
        self._head: Event | None = None
        self._begun = False

    def leave(self) -> None:
        """The client is gone."""
        self._left = True
        if self._waiting is not None:
            self._waiting.cancel()

    # ---- on the request's thread ------------------------------------------------------------------------------------

    def answer(self, app: Callable[..., Any], scope: Event) -> None:
        """Run the app. Raises what it raises."""
        body = io.BufferedReader(_Body(self._next), 1 << 16)
        pieces = app(_environ(scope, body), self._start_response)
        try:
            for piece in pieces:
                self._write(piece)
            self._pass({"type": "http.response.body", "body": b""})
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def _start_response(
        self, status: str, headers: Sequence[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if exc_info is not None and self._begun:
            raise exc_info[1]
        if exc_info is None and self._head is not None:
            raise AssertionError("start_response was called twice")
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self._head = {"type": "http.response.start", "status": int(status.split(" ", 1)[0]), "headers": encoded}
        return self._write

    def _write(self, piece: bytes) -> None:
        if piece:
            self._pass({"type": "http.response.body", "body": piece, "more_body": True})

    def _pass(self, event: Event) -> None:
        if self._head is None:
            raise AssertionError("the app has not called start_response")
        if not self._begun:
            self._begun = True
            self._call(self._send_both(self._head, event))
        else:
            self._call(self._send_one(event))

    async def _send_both(self, head: Event, event: Event) -> None:
        await self._send(head)
        await self._send(event)

    async def _send_one(self, event: Event) -> None:
        await self._send(event)

    async def _receive_one(self) -> Event:
        return await self._receive()

    def _next(self) -> tuple[bytes, bool]:
        event = self._call(self._receive_one())
        return event.get("body", b""), event.get("more_body", False)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        self._waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        if self._left:
            self._waiting.cancel()
        try:
            return self._waiting.result()
        except concurrent.futures.CancelledError:
            raise ConnectionResetError("the client has left") from None


class _Body(io.RawIOBase):
    """`wsgi.input`, which ends where the body does."""

    def __init__(self, receive: Callable[[], tuple[bytes, bool]]) -> None:
        self._receive = receive
        self._rest = memoryview(b"")
        self._more = True

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._rest and self._more:
            body, self._more = self._receive()
            self._rest = memoryview(body)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _environ(scope: Event, body: io.BufferedIOBase) -> dict[str, Any]:
    root = scope["root_path"]
    server = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": _native(root),
        "PATH_INFO": _native(scope["path"].removeprefix(root)),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 80),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = scope["client"][0], str(scope["client"][1])
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if "_" in name:  # it would pass for the one with a dash
            continue
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    return environ


def _native(text: str) -> str:
    return text.encode().decode("latin-1")
