"""Endpoints of deployed apps: the live version of each takes the requests (web.lookup, deploy.rolling)."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Mapping

from intermodal.driver import EmbeddedSession
from intermodal.exception import Error, NotFoundError
from intermodal.gateway import Endpoint, Routes, SessionCaller, endpoints_of, urls_of
from intermodal.server.deployments import Changed, Deployments
from intermodal.specs import AppSpec

__all__ = ["DeployedWeb"]

_log = logging.getLogger("intermodal.server")

_App = tuple[str, str]  # environment, name


class DeployedWeb:
    """On the server's loop.

    Args:
        default: the environment whose labels say nothing of it.
        url: where this server takes requests.
    """

    def __init__(self, routes: Routes, deployments: Deployments, default: str, url: str) -> None:
        self._routes = routes
        self._deployments = deployments
        self._default = default
        self._url = url
        self._endpoints: dict[_App, list[Endpoint]] = {}
        self._gate = asyncio.Lock()
        self._work: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take requests for all that is live, and for what will be. Once the deployments are open."""
        self._deployments.listen(self._changed)
        self._deployments.check_with(self._check)
        for version in self._deployments.live():
            await self._follow((version.environment, version.app))

    def url(self, environment: str, app: str, name: str, method: str, base: str) -> str | None:
        """Where a function's method takes requests, for who knows the server by `base`; None: it takes none."""
        for each in self._endpoints.get((environment, app), ()):
            if each.name == (f"{name}.{method}" if method else name):
                return f"{base.rstrip('/')}/{each.label}"
        return None

    def _made(self, app: _App, spec: AppSpec) -> list[Endpoint]:
        suffix = "" if app[0] == self._default else f"-{app[0].lower()}"
        caller = _Caller(self._deployments, app)
        endpoints = endpoints_of(spec, caller, suffix)
        caller.urls = urls_of(endpoints, self._url)
        return endpoints

    def _check(self, environment: str, spec: AppSpec) -> None:
        """Raises `InvalidError`, `AlreadyExistsError`: a new version cannot have its labels."""
        app = environment, spec.name
        own = {each.label for each in self._endpoints.get(app, ())}
        for each in self._made(app, spec):
            if each.label not in own:
                self._routes.check(each)

    def _changed(self, change: Changed) -> None:
        if change.state in ("live", "stopped"):
            task = asyncio.get_running_loop().create_task(self._follow((change.environment, change.app)))
            self._work.add(task)
            task.add_done_callback(self._work.discard)

    async def _follow(self, app: _App) -> None:
        async with self._gate:
            try:
                endpoints = self._made(app, (await self._deployments.package_of(*app)).app)
            except NotFoundError:
                endpoints = []
            try:
                self._routes.replace(self._endpoints.get(app, []), endpoints)
                self._endpoints[app] = endpoints
            except Error:
                _log.exception("web functions of app %r take no requests", app[1])


class _Caller:
    """Implements `gateway.Caller`: a request goes to the version that is live when it comes."""

    def __init__(self, deployments: Deployments, app: _App) -> None:
        self.urls: Mapping[tuple[str, str], str] = {}
        self._deployments = deployments
        self._app = app
        self._told: weakref.ref[EmbeddedSession] | None = None  #: the session that knows its URLs

    async def line(self) -> SessionCaller:
        """See `Caller`."""
        running = self._deployments.running_now(*self._app) or await self._deployments.running_of(*self._app)
        session = running.session
        if self._told is None or self._told() is not session:
            self._told = weakref.ref(session)
            session.serve_at(self.urls)
        return SessionCaller(session)
