"""The server as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from intermodal.driver.channel import MALFORMED
from intermodal.exception import VersionError
from intermodal.gateway import Gateway
from intermodal.server.admission import Admission
from intermodal.server.deployments import Deployments
from intermodal.server.hosting import Hosting
from intermodal.server.outbox import Outbox
from intermodal.server.schedules import Schedules
from intermodal.server.visit import Visit
from intermodal.server.watching import Watching
from intermodal.wire.frame import FrameReader

__all__ = ["application"]

CONNECT = "/v1/connect"
#: Seconds for a client to take in why the server hangs up.
_LAST_WORDS_S = 5.0
_THREADS = 64


def application(
    hosting: Hosting,
    deployments: Deployments,
    schedules: Schedules,
    admission: Admission,
    watching: Watching,
    gateway: Gateway,
) -> ASGIApp:
    """Its routes."""
    visits: set[Visit] = set()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # Starts, builds and ends of apps each take a thread for as long as they take.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "intermodal-server"))
        watching.open()
        await hosting.open()
        await deployments.open()
        await schedules.open()
        try:
            yield
        finally:
            await asyncio.gather(*(visit.close() for visit in visits), return_exceptions=True)
            await schedules.close()
            await deployments.close()
            await hosting.close()
            await run_in_threadpool(watching.close)

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def connect(socket: WebSocket) -> None:
        author, refusal = await admission.admit(socket)
        await socket.accept()
        outbox = Outbox()
        sending = asyncio.create_task(_send(socket, outbox))
        if refusal is not None:
            outbox.put({"t": "refused", "error": "ConnectionError", "message": refusal})
            outbox.close()
            await sending
            return
        visit = Visit(hosting, deployments, schedules, outbox, author)
        visits.add(visit)
        try:
            await _receive(socket, visit)
            await asyncio.wait({sending}, timeout=_LAST_WORDS_S if outbox.closed else 0)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await visit.close()
            visits.discard(visit)

    routes = [
        Route("/healthz", health),
        WebSocketRoute(CONNECT, connect),
        *watching.routes(admission, hosting.config.environment),
    ]
    own = Starlette(routes=routes, lifespan=lifespan)
    own.router.default = gateway

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        # Requests to web functions are the many: they do not go past the server's own routes first.
        await (gateway if gateway.finds(scope) else own)(scope, receive, send)

    return both


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    await outbox.send(socket.send_bytes)
    await socket.close()


async def _receive(socket: WebSocket, visit: Visit) -> None:
    reader = FrameReader()
    try:
        async for piece in socket.iter_bytes():
            for header, segments in reader.feed(piece):
                visit.frame(header, segments)
    except VersionError as error:
        visit.refuse("VersionError", str(error))
    except MALFORMED as error:
        visit.cut(f"{type(error).__name__}: {error}")
    except RuntimeError:  # it was closed at this end
        pass
