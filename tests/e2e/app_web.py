"""Web functions that the end-to-end tests send requests to; plain ASGI and WSGI, so that images need nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import Any

import intermodal as modal

app = modal.App("e2e-web")
STARTED: list[str] = []


class Site:
    """An ASGI app whose paths each show one thing."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.cancelled = 0
        self.closed: list[int] = []
        self.sent = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope["root_path"]).strip("/") or "echo"
        await getattr(self, path.replace("-", "_"))(scope, receive, send)

    async def lifespan(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        STARTED.append("startup")
        scope["state"]["shared"] = ["state"]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("METRIC shut=1")
        print("shut down")
        await send({"type": "lifespan.shutdown.complete"})

    async def start(self, send: Any, status: int = 200, headers: Any = ()) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def body(self, send: Any, body: bytes, more: bool = False) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": more})

    async def json(self, send: Any, value: Any, status: int = 200) -> None:
        await self.start(send, status, [(b"content-type", b"application/json")])
        await self.body(send, json.dumps(value).encode())

    async def echo(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        size, digest, more = 0, hashlib.sha256(), True
        while more:
            event = await receive()
            size += len(event["body"])
            digest.update(event["body"])
            more = event["more_body"]
        shown = {name: scope[name] for name in ("method", "path", "root_path", "scheme", "http_version", "client")}
        shown["query"] = scope["query_string"].decode()
        shown["headers"] = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
        shown |= {"size": size, "sha256": digest.hexdigest(), "started": STARTED, "state": scope["state"]}
        shown["input"] = modal.current_input_id()
        await self.json(send, shown)

    async def gated(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.start(send, headers=[(b"content-type", b"text/event-stream")])
        await self.body(send, b"data: first\n\n", True)
        await self.gate.wait()
        self.gate.clear()
        await self.body(send, b"data: second\n\n")

    async def late(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Its head comes before its body is there."""
        await self.start(send)
        await self.gate.wait()
        self.gate.clear()
        await self.body(send, b"body")

    async def open(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.gate.set()
        await self.json(send, None)

    async def forever(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.start(send)
        try:
            await self.body(send, b"on and on", True)
            await asyncio.get_running_loop().create_future()
        finally:
            self.cancelled += 1

    async def silent(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.cancelled += 1

    async def counts(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.json(send, {"cancelled": self.cancelled, "closed": self.closed, "sent": self.sent})

    async def big(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        size = int(scope["query_string"])
        await self.start(send, headers=[(b"content-length", str(size).encode())])
        self.sent, piece = 0, bytes(range(256)) * 4096
        while self.sent < size:
            some = piece[: size - self.sent]
            self.sent += len(some)
            await self.body(send, some, self.sent < size)

    async def whole(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """All in one event."""
        await self.start(send)
        await self.body(send, bytes(range(256)) * (int(scope["query_string"]) // 256))

    async def fails(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        raise ValueError("a detail that is for the log")

    async def fails_late(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.start(send)
        await self.body(send, b"some", True)
        await self.gate.wait()
        self.gate.clear()
        raise ValueError("late")

    async def says_nothing(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        return

    async def splits(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.start(send, headers=[(b"x-fine", b"a\r\nset-cookie: evil=1")])
        await self.body(send, b"")

    async def hops(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        named = [(b"connection", b"x-mine"), (b"x-mine", b"1"), (b"keep-alive", b"timeout=9"), (b"X-Other", b"2")]
        await self.start(send, headers=[*named, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")])
        await self.body(send, b"fine")

    async def status(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.start(send, int(scope["query_string"]))
        await self.body(send, b"")

    async def socket(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        offered = scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None})
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                self.closed.append(event["code"])
                return
            if event.get("text") == "close":
                await send({"type": "websocket.close", "code": 4321, "reason": "as you like"})
                return
            if event.get("text") == "fail":
                raise ValueError("no")
            await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})

    async def denied(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    async def explained(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.http.response.start", "status": 418, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"a teapot"})


@app.function(max_containers=1)
@modal.concurrent(max_inputs=100)
@modal.asgi_app(label="site")
def site() -> Any:
    return Site()


@app.function(max_containers=1, timeout=1)
@modal.asgi_app()
def slow() -> Any:
    return Site()


@app.function(max_containers=1)
@modal.asgi_app(requires_proxy_auth=True)
def guarded() -> Any:
    return Site()


@app.function()
@modal.asgi_app()
def broken() -> Any:
    raise RuntimeError("it never starts")


@app.cls(max_containers=1)
@modal.concurrent(max_inputs=4)
class Shop:
    @modal.enter()
    def stock(self) -> None:
        self.goods = ["apple"]

    @modal.wsgi_app()
    def wsgi(self) -> Any:
        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["PATH_INFO"] == "/stream":
                start_response("200 OK", [("Content-Type", "text/plain")])
                return (f"{number}\n".encode() for number in range(1000))
            if environ["PATH_INFO"] == "/fails":
                raise ValueError("no")
            body = environ["wsgi.input"].read()
            start_response("201 Created", [("Content-Type", "application/json")])
            shown = {name: value for name, value in environ.items() if isinstance(value, str)}
            return [json.dumps({"goods": self.goods, "size": len(body), "environ": shown}).encode()]

        return answer

    @modal.method()
    def plain(self) -> list[str]:
        return self.goods


@app.function()
def url_from_inside() -> str | None:
    return site.get_web_url()


@app.function()
def not_web() -> float:
    return time.time()
