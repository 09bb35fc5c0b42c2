"""Web decorators: what they say of a function becomes its `WebSpec` (web.kinds)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from intermodal.client.checking import checked
from intermodal.client.shown import shown
from intermodal.definitions.partial import Partial
from intermodal.definitions.spellings import older
from intermodal.exception import InvalidError
from intermodal.specs import WebSpec

__all__ = ["asgi_app", "fastapi_endpoint", "web_endpoint", "web_server", "wsgi_app"]

Decorator = Callable[[Any], Any]

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
#: A label is one part of a host's name, too.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@checked
def asgi_app(*, label: str | None = None, requires_proxy_auth: bool = False) -> Decorator:
    """The function returns an ASGI app, FastAPI for instance. It is called once in each container, and the app's
    lifespan is the container's.

    Args:
        label: the endpoint's part of its URL; default: the app's and the function's name.
        requires_proxy_auth: whether only requests are let through that bring a token of the server.

    Raises:
        InvalidError: an argument is wrong.
    """
    return _web(_spec("asgi_app", label, requires_proxy_auth))


@checked
def wsgi_app(*, label: str | None = None, requires_proxy_auth: bool = False) -> Decorator:
    """The function returns a WSGI app, Flask for instance. Arguments as for `asgi_app`."""
    return _web(_spec("wsgi_app", label, requires_proxy_auth))


@checked
def fastapi_endpoint(
    *, method: str = "GET", label: str | None = None, docs: bool = False, requires_proxy_auth: bool = False
) -> Decorator:
    """The function answers requests of one URL, as FastAPI understands its parameters; the image needs FastAPI.

    Args:
        method: of HTTP.
        docs: whether FastAPI's page about the endpoint is shown, at `/docs`.
        label: as for `asgi_app`.
        requires_proxy_auth: as for `asgi_app`.

    Raises:
        InvalidError: an argument is wrong.
    """
    spec = _spec("fastapi_endpoint", label, requires_proxy_auth)
    name = method.upper()
    if name not in _METHODS:
        raise InvalidError(f"@fastapi_endpoint(method={shown(method)}) must be one of {', '.join(_METHODS)}")
    return _web(replace(spec, method=name, docs=docs))


@checked
def web_endpoint(
    *, method: str = "GET", label: str | None = None, docs: bool = False, requires_proxy_auth: bool = False
) -> Decorator:
    """Older spelling of `fastapi_endpoint`."""
    older("@web_endpoint", "@fastapi_endpoint")
    return fastapi_endpoint(method=method, label=label, docs=docs, requires_proxy_auth=requires_proxy_auth)


@checked
def web_server(
    port: int, *, startup_timeout: float = 5.0, label: str | None = None, requires_proxy_auth: bool = False
) -> Decorator:
    """The function starts a web server on `port` and returns; it is called once in each container.

    Args:
        port: where the server listens, at least on the container's loopback address.
        startup_timeout: seconds for the server to take connections once the function has returned.
        label: as for `asgi_app`.
        requires_proxy_auth: as for `asgi_app`.

    Raises:
        InvalidError: an argument is wrong.
    """
    if not 0 < port < 65536:
        raise InvalidError(f"web_server({port}): a port is a whole number from 1 to 65535")
    if startup_timeout <= 0:
        raise InvalidError(f"web_server(startup_timeout={startup_timeout}) must be a number of seconds above 0")
    spec = _spec("web_server", label, requires_proxy_auth)
    return _web(replace(spec, port=port, startup_timeout_s=float(startup_timeout)))


def _spec(kind: Any, label: str | None, requires_proxy_auth: bool) -> WebSpec:
    if label is not None and _LABEL.fullmatch(label) is None:
        raise InvalidError(
            f"@{kind}(label={shown(label)}) must be 1 to 63 lower-case letters, digits and dashes, a dash at no end"
        )
    return WebSpec(kind=kind, label=label or "", requires_proxy_auth=requires_proxy_auth)


def _web(spec: WebSpec) -> Decorator:
    def decorate(function: Any) -> Any:
        if isinstance(function, Partial):
            partial = function
        elif isinstance(function, type) or not callable(function) or hasattr(type(function), "remote"):
            raise InvalidError(
                f"@{spec.kind}() decorates a function or method, below @app.function(), and got {function!r:.60}"
            )
        else:
            partial = Partial(function, method=True)
        if partial.batching is not None:
            raise InvalidError(f"@{spec.kind}() and @batched() do not go together: a request is answered by itself")
        return replace(partial, web=spec)

    return decorate
