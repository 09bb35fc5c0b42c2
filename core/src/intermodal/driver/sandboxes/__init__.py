"""Sandboxes: containers driven by hand, their processes, streams, files and tunnels (sandbox.*)."""

from __future__ import annotations

from intermodal.driver.sandboxes.service import Sandboxes
from intermodal.driver.sandboxes.view import SandboxView

__all__ = ["SandboxView", "Sandboxes"]
