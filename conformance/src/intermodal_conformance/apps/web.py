"""Functions for web.*: an app of its own, since a gateway answers as long as it runs. Plain ASGI and WSGI, so that the
image needs nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import intermodal
from intermodal_conformance.apps.common import SMALL

__all__ = ["app", "plain", "port", "site", "slow", "wsgi"]

app = intermodal.App("conformance-web")

#: Where the server of `port` listens in its container.
PORT = 8765


class Site:
    """An ASGI app whose paths each show one thing. One container has it, so that requests can talk to each other."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        path = scope["path"].removeprefix(scope["root_path"]).strip("/") or "echo"
        await getattr(self, path)(scope, receive, send)

    async def echo(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """What came: of a request its head, and its body's length and hash; of a WebSocket each message."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (event := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", **{kind: event.get(kind) for kind in ("text", "bytes")}})
            return
        size, digest, more = 0, hashlib.sha256(), True
        while more:
            event = await receive()
            size, more = size + len(event["body"]), event["more_body"]
            digest.update(event["body"])
        seen = {
            "method": scope["method"],
            "query": scope["query_string"].decode(),
            "word": dict(scope["headers"]).get(b"x-word", b"").decode(),
            "size": size,
            "sha256": digest.hexdigest(),
        }
        await answer(send, json.dumps(seen).encode(), 201, [(b"x-own", b"kept")])

    async def twice(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """A first piece, and a second when somebody asks for `second`."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await self.go_on.wait()
        await send({"type": "http.response.body", "body": b"second"})

    async def second(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """See `twice`."""
        self.go_on.set()
        await answer(send, b"")

    async def forever(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """A response that has no end but its reader's."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"on and on", "more_body": True})
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()

    async def gone(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answers when the reader of `forever` has left."""
        await self.left.wait()
        await answer(send, b"gone")

    async def raises(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Before anything is said."""
        raise ValueError("a detail that is for the log")


async def answer(send: Any, body: bytes, status: int = 200, headers: Any = ()) -> None:
    """A whole response."""
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


@app.function(max_containers=1, **SMALL)
@intermodal.concurrent(max_inputs=8)
@intermodal.asgi_app()
def site() -> Any:
    """Many requests at once."""
    return Site()


@app.function(timeout=1, **SMALL)
@intermodal.asgi_app(label="conformance-slow")
def slow() -> Any:
    """Answers nothing in its time."""

    async def never(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.Event().wait()

    return never


@app.function(**SMALL)
@intermodal.wsgi_app()
def wsgi() -> Any:
    """Says what was posted, in capitals."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read().upper()]

    return application


@app.function(max_containers=1, **SMALL)
@intermodal.web_server(PORT, startup_timeout=60)
def port() -> None:
    """A server of its own, in a process of its own."""
    import subprocess
    import sys
    import tempfile
    from pathlib import Path

    folder = tempfile.mkdtemp()
    Path(folder, "page").write_text("from a file")
    subprocess.Popen([sys.executable, "-m", "http.server", str(PORT), "--directory", folder])


@app.function(**SMALL)
def plain() -> None:
    """No web function."""
