"""The asyncio shell: owns clock and sockets, turns the engine's commands into backend and wire calls."""

from __future__ import annotations

from intermodal.driver.session import EmbeddedSession

__all__ = ["EmbeddedSession"]
