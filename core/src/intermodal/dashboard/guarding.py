"""What browsers are told of every answer of the dashboard."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["guarded"]

#: Nothing but our own files, no inline script, no style attribute, no frame around it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def guarded(application: ASGIApp) -> ASGIApp:
    """The same application, whose answers have these headers; what says nothing of it is kept by no cache."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                headers = MutableHeaders(scope=event)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(event)

        await application(scope, receive, send_guarded)

    return answer
