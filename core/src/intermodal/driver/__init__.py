"""The asyncio shell: owns clock and sockets, turns the engine's commands into backend and wire calls."""

from __future__ import annotations

from intermodal.driver.named_secrets import sealer, secret_store
from intermodal.driver.session import EmbeddedSession
from intermodal.driver.standing import StandingClient, standing

__all__ = ["EmbeddedSession", "StandingClient", "sealer", "secret_store", "standing"]
