"""Sessions whose web functions take requests."""

from __future__ import annotations

import hmac

from intermodal.client.api import CallTarget
from intermodal.client.work import Work
from intermodal.driver import EmbeddedSession
from intermodal.gateway.application import Gateway
from intermodal.gateway.endpoints import Feed, Request, endpoints_of, urls_of
from intermodal.gateway.port import Port
from intermodal.gateway.routes import Routes
from intermodal.plugins import Config

__all__ = ["ServedSession", "SessionCaller"]


class SessionCaller:
    """Implements `gateway.Caller` and `Line`."""

    def __init__(self, session: EmbeddedSession) -> None:
        self._session = session

    async def line(self) -> SessionCaller:
        """See `Caller`."""
        return self

    def submit(self, target: CallTarget, payload: bytes, credit: int) -> Request:
        """See `Line`."""
        return self._session.request(target, payload, credit)

    def open_feed(self) -> Feed:
        """See `Line`."""
        return self._session.open_feed()


class ServedSession(EmbeddedSession):
    """An `EmbeddedSession` with a gateway at a port of this machine's loopback address (`web_port`).

    Raises on entering, beside what that raises: `ConfigError`: the port is taken; `InvalidError`: two labels are one.
    """

    def __init__(self, work: Work, config: Config) -> None:
        super().__init__(work, config)
        self._settings = config
        self._endpoints = endpoints_of(work.app, SessionCaller(self))
        self._port: Port | None = None

    def __enter__(self) -> ServedSession:
        super().__enter__()
        try:
            routes = Routes()
            routes.add(self._endpoints)
            gateway = Gateway(routes, self._admits, shows_labels=True)
            # On the session's own loop: a thread more would have to hand each request over, and back.
            self._port = Port(gateway, int(self._settings.get("web_port")), self.start)
            self.serve_at(urls_of(self._endpoints, self._port.url))
        except BaseException:
            self.close(0.0)
            raise
        return self

    async def _admits(self, token: str) -> bool:
        """Where no server is that gives tokens, it is the one that this program has."""
        return bool(token) and hmac.compare_digest(token.encode(), str(self._settings.get("token")).encode())

    def close(self, grace_s: float | None = None) -> None:
        """See `EmbeddedSession`."""
        port, self._port = self._port, None
        if port is not None:
            port.close()
        super().close(grace_s)
