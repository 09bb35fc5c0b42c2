"""The server as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from intermodal.driver.channel import MALFORMED
from intermodal.exception import VersionError
from intermodal.gateway import Gateway
from intermodal.server.admission import Admission
from intermodal.server.deployed_web import DeployedWeb
from intermodal.server.deployments import Deployments
from intermodal.server.environments import Environments
from intermodal.server.health import health_routes
from intermodal.server.hosting import Hosting
from intermodal.server.outbox import Outbox, Stalled
from intermodal.server.rest import rest_routes
from intermodal.server.schedules import Schedules
from intermodal.server.visit import Visit
from intermodal.server.watching import Watching
from intermodal.wire.frame import FrameReader

__all__ = ["application"]

CONNECT = "/v1/connect"
DASHBOARD = "/dashboard"
#: Seconds for a client to take in why the server hangs up.
_LAST_WORDS_S = 5.0
_THREADS = 64
#: The code with which a WebSocket is closed where its client is too slow (RFC 6455's registry).
_TRY_AGAIN_LATER = 1013


def application(
    hosting: Hosting,
    environments: Environments,
    deployments: Deployments,
    schedules: Schedules,
    admission: Admission,
    watching: Watching,
    gateway: Gateway,
    web: DeployedWeb,
    database: Engine,
    pages: ASGIApp | None,
) -> tuple[ASGIApp, contextlib.AbstractAsyncContextManager[None]]:
    """Its routes, with `pages` below `/dashboard`; and what is to be open while they are served, which raises what
    opening raises."""
    visits: set[Visit] = set()

    async def hang_up() -> None:
        await asyncio.gather(*(visit.close() for visit in visits), return_exceptions=True)

    @contextlib.asynccontextmanager
    async def life() -> AsyncIterator[None]:
        # Starts, builds and ends of apps each take a thread for as long as they take.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "intermodal-server"))
        async with contextlib.AsyncExitStack() as opened:
            opened.push_async_callback(run_in_threadpool, watching.close)
            watching.open()
            opened.push_async_callback(hosting.close)
            await hosting.open()
            await environments.open()
            opened.push_async_callback(deployments.close)
            await deployments.open()
            await web.open()
            opened.push_async_callback(schedules.close)
            await schedules.open()
            opened.push_async_callback(hang_up)
            yield

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
        visit = Visit(hosting, environments, deployments, schedules, web, outbox, author)
        visits.add(visit)
        receiving = asyncio.create_task(_receive(socket, visit))
        try:
            # A client that reads nothing is not waited for, though it may go on writing.
            await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({receiving, sending}, timeout=_LAST_WORDS_S if outbox.closed else 0)
        finally:
            for task in (receiving, sending):
                task.cancel()
            await asyncio.gather(receiving, sending, return_exceptions=True)
            await visit.close()
            visits.discard(visit)
        if not receiving.cancelled():
            receiving.result()

    def deployed(environment: str) -> set[str]:
        return {version.app for version in deployments.live() if version.environment == environment}

    routes: list[BaseRoute] = [
        *health_routes(database),
        WebSocketRoute(CONNECT, connect),
        *watching.routes(admission, hosting.config.environment, deployed),
        *rest_routes(deployments, admission, hosting.config.environment),
    ]
    if pages is not None:
        routes += [Mount(DASHBOARD, pages), Route("/", _to_pages)]
    own = Starlette(routes=routes)
    own.router.default = gateway

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        # Requests to web functions are the many: they do not go past the server's own routes first.
        await (gateway if gateway.finds(scope) else own)(scope, receive, send)

    return both, life()


async def _to_pages(_: Request) -> RedirectResponse:
    return RedirectResponse(f"{DASHBOARD}/", 303)


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    try:
        await outbox.send(socket.send_bytes)
    except Stalled as stalled:
        await socket.close(code=_TRY_AGAIN_LATER, reason=str(stalled))
    else:
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
