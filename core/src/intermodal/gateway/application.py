"""The gateway as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from intermodal.gateway import replies
from intermodal.gateway.headers import bearer, for_app
from intermodal.gateway.hosts import is_this_machine
from intermodal.gateway.requests import LEAVING, answer_http
from intermodal.gateway.routes import Found, Routes
from intermodal.gateway.sockets import answer_socket

__all__ = ["Admits", "Gateway"]

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
#: Whether a token of the server opens what wants one.
Admits = Callable[[str], Awaitable[bool]]

#: What apps learn of a request beside its headers.
_SCOPE = ("type", "http_version", "method", "scheme", "path", "raw_path", "query_string", "client", "server",
          "subprotocols")  # fmt: skip


class Gateway:
    """Answers requests for the endpoints of `routes`.

    Args:
        admits: for endpoints with `requires_proxy_auth`.
        shows_labels: whether who asks this machine, by a name of its own, for an endpoint that is not there hears which
            are.
    """

    def __init__(self, routes: Routes, admits: Admits, *, shows_labels: bool) -> None:
        self._routes = routes
        self._admits = admits
        self._shows_labels = shows_labels

    def find(self, scope: Mapping[str, Any]) -> Found | None:
        """The endpoint that a request is for, to `answer`."""
        return self._routes.find(scope) if scope["type"] in ("http", "websocket") else None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"the gateway answers no {scope['type']!r}")
        found = self.find(scope)
        if found is None:
            await replies.refuse(scope, receive, send, 404, self._nothing_there(scope))
        else:
            await self.answer(found, scope, receive, send)

    async def answer(self, found: Found, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """A request for an endpoint."""
        endpoint, root = found
        if endpoint.spec.requires_proxy_auth and not await self._admits(bearer(scope["headers"])):
            text = "this endpoint wants a token of the server: Proxy-Authorization: Bearer TOKEN"
            await replies.refuse(scope, receive, send, 401, text, [(b"www-authenticate", b"Bearer")])
            return
        inner = _inner(scope, root)
        if scope["type"] == "http":
            await answer_http(endpoint, inner, scope.get(LEAVING), receive, send)
        else:
            await answer_socket(endpoint, inner, receive, send)

    def _nothing_there(self, scope: Mapping[str, Any]) -> str:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if not self._shows_labels or not all(map(is_this_machine, hosts)):
            return "no endpoint is here"
        labels = ", ".join(f"/{label}/" for label in self._routes.labels()) or "none"
        return f"no endpoint is here; these are: {labels}"


def _inner(scope: Mapping[str, Any], root: str) -> dict[str, Any]:
    """The scope that the app gets: its part of the path is below `root`, and nothing of ours is in it."""
    inner = {name: scope[name] for name in _SCOPE if name in scope}
    is_socket = scope["type"] == "websocket"
    inner["asgi"] = {"version": "3.0", "spec_version": "2.4"}
    inner["root_path"] = root
    if inner["path"] == root:  # the URL as it is told
        inner["path"] = f"{root}/"
        if inner.get("raw_path") == root.encode():
            inner["raw_path"] = inner["path"].encode()
    inner["headers"] = for_app(scope["headers"], upgrade=is_socket)
    if is_socket:
        inner["extensions"] = {"websocket.http.response": {}}
    return inner
