"""The semantics of calls as a pure state machine: `receive(events, now) -> commands`.

`intermodal.engine.events` is what it can be told, `intermodal.engine.commands` what it asks for.
"""

from __future__ import annotations

from intermodal.engine.core import Counters, Settings
from intermodal.engine.engine import Engine, PoolView, Snapshot

__all__ = ["Counters", "Engine", "PoolView", "Settings", "Snapshot"]
