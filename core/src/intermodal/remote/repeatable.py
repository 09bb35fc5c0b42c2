"""Requests that may be made again where their answer was lost with the server: twice is the same as once."""

from __future__ import annotations

__all__ = ["is_repeatable"]

_METHODS = frozenset(
    {
        "app.end",
        "app.history",
        "app.list",
        "app.lookup",
        "app.stop",
        "blobs.missing",
        "call.cancel",
        "call.graph",
        "call.output",
        "dict.contains",
        "dict.get",
        "dict.iterate",
        "dict.len",
        "dict.list",
        "environment.list",
        "environment.removable",
        "function.autoscale",
        "function.stats",
        "queue.iterate",
        "queue.len",
        "queue.list",
        "sandbox.list",
        "schedule.list",
        "schedule.pause",
        "schedule.resume",
        "schedule.runs",
        "secret.list",
        "secret.read",
        "volume.list",
        "volume.names",
        "volume.read",
        "web.deployed",
        "web.url",
    }
)


def is_repeatable(method: str) -> bool:
    """Whether nothing changes where this is asked once more."""
    return method in _METHODS
