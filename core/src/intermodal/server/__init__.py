"""The long-lived control plane: one process, one port; apps of clients run in it."""

from __future__ import annotations

from intermodal.server.serving import Certificate, serve

__all__ = ["Certificate", "serve"]
