"""A new version of a deployed app takes over whatever becomes of its containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.driver import EmbeddedSession
from mutants.planting import instead_of


@instead_of("ready", EmbeddedSession)
async def ready(original: Callable[..., Any], session: EmbeddedSession, *arguments: Any) -> None:
    pass
