"""Images: definitions turned into layers over the host's userland, and the cache of them."""

from __future__ import annotations

from intermodal_local.images.builder import LocalBuilder
from intermodal_local.images.grounds import Grounds

__all__ = ["Grounds", "LocalBuilder"]
