"""Endpoints of the apps that run here, by label (web.lookup)."""

from __future__ import annotations

from collections.abc import Sequence

from intermodal.driver import EmbeddedSession
from intermodal.exception import AlreadyExistsError
from intermodal.gateway import Endpoint, Routes, SessionCaller, endpoints_of, urls_of
from intermodal.specs import AppSpec

__all__ = ["WebApps"]

#: Ends the labels of apps that run with their clients, so that a deployed app can run beside its next version.
_EPHEMERAL = "-dev"


class WebApps:
    """On the server's loop."""

    def __init__(self) -> None:
        self.routes = Routes()

    def serve(self, session: EmbeddedSession, app: AppSpec, url: str) -> list[Endpoint]:
        """Take requests for an app that runs with its client, which knows the server by `url`. Where another has its
        labels, as when two run one file, the session's id tells them apart.

        Raises:
            InvalidError: two of its functions have one label.
        """
        caller = SessionCaller(session)
        endpoints = endpoints_of(app, caller, _EPHEMERAL)
        try:
            self.routes.add(endpoints)
        except AlreadyExistsError:
            endpoints = endpoints_of(app, caller, f"{_EPHEMERAL}-{session.id}")
            self.routes.add(endpoints)
        session.serve_at(urls_of(endpoints, url))
        return endpoints

    def leave(self, endpoints: Sequence[Endpoint]) -> None:
        """Take no more requests for these."""
        self.routes.remove(endpoints)
