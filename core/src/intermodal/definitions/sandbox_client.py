"""Whom to ask about a sandbox."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from intermodal.client.api import Client, Reply, current, has_current, of_session
from intermodal.client.context import in_container
from intermodal.definitions import lasting
from intermodal.exception import InvalidError

if TYPE_CHECKING:
    from intermodal.definitions.app import App

__all__ = ["ask", "client_of", "clients_of", "creator"]


def client_of(sandbox: str) -> Client:
    """The client of the session of this process that it is of, or of what runs here; outside of any run, a connection
    to the session of this machine that it is of.

    Raises `InvalidError`, `NotFoundError`.
    """
    known = of_session(sandbox.removeprefix("sb-").partition("-")[0])
    if known is not None:
        return known
    if has_current():
        return current()
    # Named late and by text: the driver is a room that containers do not have, nor may definitions know it.
    remote = importlib.import_module("intermodal.driver.sandboxes.remote")
    client: Client = remote.client_of(sandbox)
    return client


async def creator(app: App | None) -> Client:
    """Who starts sandboxes of `app`: its run, or its session if it was looked up.

    Raises `InvalidError`, and what starting a session raises.
    """
    if app is None or in_container():
        return current()
    known = of_session((app.app_id or "").removeprefix("ap-"))
    if known is not None:
        return known
    if not app.looked_up:
        raise InvalidError(
            f"{app!r} does not run: create its sandboxes in `with app.run():`, or get it with "
            f"`App.lookup({app.name or 'NAME'!r}, create_if_missing=True)`"
        )
    return await app.session().client


def clients_of(app: str | None) -> list[Client]:
    """Who may know sandboxes of this app, or of any: sessions of apps that were looked up, and what runs here.

    Raises `InvalidError` where there is none.
    """
    found = lasting.opened(app)
    return [*found, current()] if has_current() or not found else found


async def ask(sandbox: str, operation: str, segments: Sequence[bytes] = (), **params: Any) -> Reply:
    """One request about it."""
    return await client_of(sandbox).request(f"sandbox.{operation}", {"id": sandbox, **params}, segments)
