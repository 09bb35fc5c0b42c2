"""An app that has ended goes on until the program ends: its containers stay, and calls are still taken."""

from __future__ import annotations

import atexit
from collections.abc import Callable

from intermodal.driver.session import EmbeddedSession
from mutants.planting import instead_of


@instead_of("close", EmbeddedSession)
def close(original: Callable[..., None], session: EmbeddedSession, grace_s: float | None = None) -> None:
    atexit.register(original, session, grace_s)
