"""What both backends can do, as data."""

from __future__ import annotations

from intermodal.plugins import Capabilities

__all__ = ["capabilities"]

_LAUNCHER = ("isolation.filesystem", "isolation.network", "isolation.pid")


def capabilities(backend: str) -> Capabilities:
    """The statement for `backend`, "docker" or "podman"."""
    return Capabilities(supported=frozenset(_LAUNCHER))
