"""The events with which an app answers over HTTP, checked, as they go to the client."""

from __future__ import annotations

from typing import Any

from intermodal.gateway.headers import for_client

__all__ = ["body", "start"]


def start(event: dict[str, Any]) -> dict[str, Any]:
    """Status and headers. Raises `ValueError`, `KeyError`: it has no status of a response."""
    status = event["status"]
    if type(status) is not int or not 200 <= status < 600:
        raise ValueError("no status of a response")
    return {"type": event["type"], "status": status, "headers": for_client(event.get("headers", ()))}


def body(event: dict[str, Any]) -> dict[str, Any]:
    """A piece of the body; `more_body` says whether more comes."""
    return {"type": event["type"], "body": event.get("body") or b"", "more_body": bool(event.get("more_body", False))}
