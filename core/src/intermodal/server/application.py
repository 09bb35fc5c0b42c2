"""The server as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from intermodal.gateway import Gateway
from intermodal.server.admission import Admission
from intermodal.server.calls import CallDesk
from intermodal.server.connections import Connections
from intermodal.server.deployed_web import DeployedWeb
from intermodal.server.deployments import Deployments
from intermodal.server.environments import Environments
from intermodal.server.health import health_routes
from intermodal.server.hosting import Hosting
from intermodal.server.rest import rest_routes, stats_route
from intermodal.server.revoking import cut_revoked
from intermodal.server.schedules import Schedules
from intermodal.server.visit import Visit
from intermodal.server.watching import Watching

__all__ = ["application"]

CONNECT = "/v1/connect"
DASHBOARD = "/dashboard"
_THREADS = 64


def application(
    hosting: Hosting,
    environments: Environments,
    deployments: Deployments,
    desk: CallDesk,
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
    visit = partial(Visit, hosting, environments, deployments, desk, schedules, web)
    connections = Connections(admission, visit, float(hosting.config.get("client_lease_s")))

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
            await run_in_threadpool(deployments.calls.open)
            opened.push_async_callback(run_in_threadpool, deployments.calls.close)
            opened.push_async_callback(deployments.close)
            await deployments.open()
            await desk.open()
            await web.open()
            opened.push_async_callback(schedules.close)
            await schedules.open()
            opened.push_async_callback(hosting.detached.close)
            opened.push_async_callback(connections.close)
            looking = asyncio.create_task(cut_revoked(admission, (connections, watching.following)))
            opened.callback(looking.cancel)
            yield

    def deployed(environment: str) -> set[str]:
        return {version.app for version in deployments.live() if version.environment == environment}

    routes: list[BaseRoute] = [
        *health_routes([database, deployments.calls.store.database], hosting.config.data_dir),
        WebSocketRoute(CONNECT, connections.serve),
        *watching.routes(admission, hosting.config.environment, deployed),
        *rest_routes(deployments, admission, hosting.config.environment),
        stats_route(hosting, deployments, watching.activity, admission, hosting.config.environment),
    ]
    if pages is not None:
        routes += [Mount(DASHBOARD, pages), Route("/", _to_pages)]
    own = Starlette(routes=routes)
    own.router.default = gateway

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        # Requests to web functions are the many: they do not go past the server's own routes first.
        found = gateway.find(scope)
        if found is None:
            await own(scope, receive, send)
        else:
            await gateway.answer(found, scope, receive, send)

    return both, life()


async def _to_pages(_: Request) -> RedirectResponse:
    return RedirectResponse(f"{DASHBOARD}/", 303)
