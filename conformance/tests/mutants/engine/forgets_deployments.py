"""A server that starts knows nothing of what was deployed before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.server.deployments import Deployments
from mutants.planting import instead_of


@instead_of("open", Deployments)
async def open_(original: Callable[..., Any], deployments: Deployments) -> None:
    pass
