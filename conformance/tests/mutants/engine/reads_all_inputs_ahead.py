"""A map reads its inputs as fast as they come, however far its results are behind."""

from __future__ import annotations

from intermodal.client import feeding

assert feeding.WINDOW
feeding.WINDOW = 1 << 40
