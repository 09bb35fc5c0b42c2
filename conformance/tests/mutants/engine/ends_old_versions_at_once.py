"""The version of a deployed app that was live ends its calls when another takes over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.server.deployed import Deployed
from mutants.planting import instead_of


@instead_of("drained", Deployed)
async def drained(original: Callable[..., Any], deployed: Deployed) -> None:
    pass
