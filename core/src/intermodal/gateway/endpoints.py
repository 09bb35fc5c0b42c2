"""The endpoints of an app: its web methods, each with the label that its URL has (web.lookup)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from intermodal.client.api import CallTarget
from intermodal.exception import InvalidError
from intermodal.specs import AppSpec, FunctionSpec, MethodSpec, WebSpec

__all__ = ["RESERVED", "Caller", "Endpoint", "Feed", "Line", "Request", "endpoints_of", "urls_of"]

_MOST = 63
#: Paths of the server's own.
RESERVED = frozenset({"v1", "healthz", "readyz", "metrics", "api", "dashboard", "static", "favicon.ico"})


class Feed(Protocol):
    """See `driver.web.Feed`."""

    token: str

    def put(self, events: bytes) -> None: ...
    async def room(self) -> None: ...
    def close(self) -> None: ...


class Request(Protocol):
    """See `driver.request_call.RequestCall`."""

    def take(self) -> tuple[int, Any] | None: ...
    async def arrival(self) -> bool: ...
    def grant(self, items: int) -> None: ...
    def cancel(self) -> None: ...


class Line(Protocol):
    """A session that carries requests out."""

    def submit(self, target: CallTarget, payload: bytes, credit: int) -> Request:
        """One more request. Raises what submitting a call raises."""
        ...

    def open_feed(self) -> Feed:
        """For what comes of a request later."""
        ...


class Caller(Protocol):
    """Who calls an endpoint's function."""

    async def line(self) -> Line:
        """The session for one request, to be used before anything is awaited. Raises what starting one raises."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests for one web method come in. `name` is for messages."""

    label: str
    name: str
    key: str
    target: CallTarget
    spec: WebSpec
    caller: Caller


def endpoints_of(app: AppSpec, caller: Caller, suffix: str = "") -> list[Endpoint]:
    """All of an app's, in order; `suffix` ends every label.

    Raises:
        InvalidError: two have one label, or one has a label that the server needs itself.
    """
    found: dict[str, Endpoint] = {}
    for function, method, spec in _web_methods(app):
        name = f"{function.name}.{method.name}" if method.name else function.name
        label = _shortened((spec.label or _plain(f"{app.name}-{name}")) + suffix)
        if label in RESERVED:
            raise InvalidError(f"{name!r} has the label {label!r}, which is the server's own: choose another label=")
        if label in found:
            raise InvalidError(
                f"{found[label].name!r} and {name!r} both have the label {label!r}: choose another label= for one"
            )
        target = CallTarget(app.name, function.key, method.name)
        found[label] = Endpoint(label, name, function.key, target, spec, caller)
    return list(found.values())


def _web_methods(app: AppSpec) -> Iterator[tuple[FunctionSpec, MethodSpec, WebSpec]]:
    for function in app.functions:
        for method in function.methods:
            if method.web is not None:
                yield function, method, method.web


def _plain(text: str) -> str:
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")


def _shortened(label: str) -> str:
    """As it is, or cut so that it is no other's."""
    if len(label) <= _MOST:
        return label
    digest = hashlib.sha256(label.encode()).hexdigest()[:8]
    return f"{label[: _MOST - 9].rstrip('-')}-{digest}"


def urls_of(endpoints: Sequence[Endpoint], base: str) -> dict[tuple[str, str], str]:
    """The URLs of endpoints by function's key and method, where the gateway answers at `base`."""
    return {(each.key, each.target.method): f"{base.rstrip('/')}/{each.label}" for each in endpoints}
