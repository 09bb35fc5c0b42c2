"""A generator produces as fast as it can, however far its reader is behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intermodal.engine import calls, engine
from intermodal.engine.core import Core
from intermodal.engine.events import CallSubmitted
from mutants.planting import instead_of


@instead_of("call_submitted", calls)
def call_submitted(original: Callable[..., None], core: Core, event: CallSubmitted) -> None:
    original(core, replace(event, credit=None))


engine._HANDLERS[CallSubmitted] = call_submitted
