"""How this process pickles what it sends."""

from __future__ import annotations

from intermodal.wire.payload import send_main_by_value

__all__ = ["send_main_by_value"]
