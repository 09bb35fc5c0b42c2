"""Containers stay when they are idle for longer than their window."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.engine import scaling
from intermodal.engine.core import Core
from intermodal.engine.model import Pool
from mutants.planting import instead_of


@instead_of("_shrink", scaling)
def shrink(original: Callable[..., None], core: Core, pool: Pool, want: int) -> None:
    if pool.stopping:
        original(core, pool, want)
