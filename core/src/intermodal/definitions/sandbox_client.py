"""Whom to ask about a sandbox."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from intermodal.client.api import Client, Reply, current, has_current

__all__ = ["ask", "client_of"]


def client_of(sandbox: str) -> Client:
    """The client of what runs here; outside of any run, a connection to the session of this machine that it is of.

    Raises `InvalidError`, `NotFoundError`.
    """
    if has_current():
        return current()
    # Named late and by text: the driver is a room that containers do not have, nor may definitions know it.
    remote = importlib.import_module("intermodal.driver.sandboxes.remote")
    client: Client = remote.client_of(sandbox)
    return client


async def ask(sandbox: str, operation: str, segments: Sequence[bytes] = (), **params: Any) -> Reply:
    """One request about it."""
    return await client_of(sandbox).request(f"sandbox.{operation}", {"id": sandbox, **params}, segments)
