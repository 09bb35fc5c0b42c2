"""What is said where no endpoint is, and to whom (web.lookup)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from intermodal.client.api import CallTarget
from intermodal.gateway import Caller, Endpoint, Gateway, Routes
from intermodal.specs import WebSpec


def said(host: str, *, shows_labels: bool) -> str:
    """The body of a 404."""
    routes = Routes()
    target = CallTarget("shop", "m:web")
    spec = WebSpec(kind="asgi_app")
    routes.add([Endpoint("shop-web", "web", "m:web", target, spec, cast(Caller, None))])
    sent: list[dict[str, Any]] = []

    async def admits(token: str) -> bool:
        return False

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {"type": "http", "path": "/nowhere", "headers": [(b"host", host.encode())]}
    asyncio.run(Gateway(routes, admits, shows_labels=shows_labels)(scope, receive, send))
    assert sent[0]["status"] == 404
    return str(sent[1]["body"].decode())


@pytest.mark.parametrize("host", ["127.0.0.1:8700", "localhost:8700", "[::1]:8700", "shop.localhost"])
def test_who_works_on_this_machine_hears_what_is_there(host: str) -> None:
    """Unless the server asks for tokens."""
    assert said(host, shows_labels=True) == "no endpoint is here; these are: /shop-web/\n"
    assert said(host, shows_labels=False) == "no endpoint is here\n"


@pytest.mark.parametrize("host", ["apps.example.com", "10.0.0.7:8700", "127.0.0.1.example.com", "[", ""])
def test_who_comes_from_elsewhere_does_not(host: str) -> None:
    """Through a proxy on this machine, say."""
    assert said(host, shows_labels=True) == "no endpoint is here\n"
