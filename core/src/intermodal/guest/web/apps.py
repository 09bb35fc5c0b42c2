"""From a web function to an ASGI app, one way for each kind (web.kinds)."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from intermodal.guest.web.local_server import LocalServer
from intermodal.guest.web.wsgi import WsgiApp
from intermodal.specs.web import WebSpec
from intermodal.wire.events import Event

__all__ = ["App", "app_of"]

App = Callable[[Event, Callable[[], Awaitable[Event]], Callable[[Event], Awaitable[None]]], Awaitable[None]]


async def app_of(spec: WebSpec, function: Callable[..., Any], label: str, threads: int) -> App:
    """The app. Raises what the user's code raises, `TypeError` where it gives no app."""
    if spec.kind == "fastapi_endpoint":
        return _endpoint(spec, function, label)
    if spec.kind == "web_server":
        return await LocalServer.start(spec, function, label)
    made = function()
    if inspect.isawaitable(made):
        made = await made
    if not callable(made):
        kind = "an ASGI app" if spec.kind == "asgi_app" else "a WSGI app"
        raise TypeError(f"{label} must return {kind}, such as FastAPI() or Flask(), and returned {made!r:.80}")
    return WsgiApp(made, threads) if spec.kind == "wsgi_app" else made


def _endpoint(spec: WebSpec, function: Callable[..., Any], label: str) -> App:
    # The image has it; where it has not, the error says how to add it.
    fastapi = importlib.import_module("fastapi")
    cors = importlib.import_module("fastapi.middleware.cors")
    docs = {"docs_url": "/docs"} if spec.docs else {"docs_url": None, "openapi_url": None}
    app: Any = fastapi.FastAPI(title=label.removesuffix("()"), redoc_url=None, **docs)
    app.add_middleware(cors.CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])
    app.add_api_route("/", function, methods=[spec.method])
    endpoint: App = app
    return endpoint
