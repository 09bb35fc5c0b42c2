"""Headers on their way through: what belongs to one connection stays on it, and nothing splits a response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["Header", "bearer", "checked", "for_app", "for_client", "traceparent"]

Header = tuple[bytes, bytes]

_CONNECTION = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
#: What speaks for the whole origin, which an app shares with others and with the dashboard.
_ORIGINS = frozenset((b"cross-origin-opener-policy", b"service-worker-allowed"))
#: Where requests bring the server's tokens, which are not for apps.
_TOKENS = frozenset((b"proxy-authorization", b"modal-key", b"modal-secret"))
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def for_app(headers: Iterable[Header], *, upgrade: bool) -> list[Header]:
    """Of a request, what its app may see. A WebSocket's app sees that it is one (`upgrade`)."""
    headers = list(headers)
    dropped = _TOKENS if upgrade else _TOKENS | _CONNECTION | _named(headers)
    return [(name, value) for name, value in headers if name not in dropped]


def for_client(headers: Iterable[Header]) -> list[Header]:
    """Of a response, what its client may see. Raises `ValueError` where it is no header at all."""
    headers = checked(headers)
    dropped = _CONNECTION | _ORIGINS | _named(headers)
    return [(name, value) for name, value in headers if name not in dropped]


def checked(headers: Iterable[Header]) -> list[Header]:
    """With names in lower case. Raises `ValueError` for what is no header, or would end one."""
    found = []
    for name, value in headers:
        if _NAME.fullmatch(name) is None or _CONTROL.search(value) is not None:
            raise ValueError(f"{name[:40]!r} is no header that can be sent")
        found.append((name.lower(), value))
    return found


def bearer(headers: Sequence[Header]) -> str:
    """The server's token that a request brings; "" for none."""
    for name, value in headers:
        if name == b"proxy-authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
        if name == b"modal-secret":
            return value.decode("latin-1").strip()
    return ""


def traceparent(headers: Iterable[Header]) -> str:
    """The trace that a request is made in (W3C's Trace Context); "" for none."""
    return next((value.decode("latin-1") for name, value in headers if name == b"traceparent"), "")


def _named(headers: Iterable[Header]) -> frozenset[bytes]:
    """What `Connection` names is for this connection, too."""
    return frozenset(
        each.strip().lower() for name, value in headers if name == b"connection" for each in value.split(b",")
    ) - {b"close", b"authorization", b"host", b"content-length", b"content-type", b"cookie"}
