"""Web decorators: stored; calling what they decorate is refused, for it needs the server (web.kinds)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from intermodal.definitions.partial import Partial
from intermodal.definitions.spellings import older
from intermodal.exception import InvalidError

__all__ = ["asgi_app", "fastapi_endpoint", "web_endpoint", "web_server", "wsgi_app"]

Decorator = Callable[[Any], Any]


def asgi_app(*, label: str | None = None, requires_proxy_auth: bool = False) -> Decorator:
    """The function returns an ASGI app, FastAPI for instance."""
    return _web("asgi_app")


def wsgi_app(*, label: str | None = None, requires_proxy_auth: bool = False) -> Decorator:
    """The function returns a WSGI app, Flask for instance."""
    return _web("wsgi_app")


def fastapi_endpoint(
    *, method: str = "GET", label: str | None = None, docs: bool = False, requires_proxy_auth: bool = False
) -> Decorator:
    """The function answers requests of one URL."""
    return _web("fastapi_endpoint")


def web_endpoint(
    *, method: str = "GET", label: str | None = None, docs: bool = False, requires_proxy_auth: bool = False
) -> Decorator:
    """Older spelling of `fastapi_endpoint`."""
    older("@web_endpoint", "@fastapi_endpoint")
    return _web("fastapi_endpoint")


def web_server(
    port: int, *, startup_timeout: float = 5.0, label: str | None = None, requires_proxy_auth: bool = False
) -> Decorator:
    """The function starts a web server on `port`."""
    if type(port) is not int or not 0 < port < 65536:
        raise InvalidError(f"web_server({port!r}): a port is a whole number from 1 to 65535")
    return _web("web_server")


def _web(kind: str) -> Decorator:
    def decorate(function: Any) -> Any:
        if isinstance(function, Partial):
            return replace(function, web=kind)
        if isinstance(function, type) or not callable(function):
            raise InvalidError(f"@{kind}() decorates a function or method, and got {function!r:.60}")
        return Partial(function, web=kind)

    return decorate
