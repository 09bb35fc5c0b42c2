"""Each slot of a schedule runs twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.server.schedules.runner import Schedules
from mutants.planting import instead_of


@instead_of("_carry_out", Schedules)
async def carry_out(original: Callable[..., Any], schedules: Schedules, run: Any) -> None:
    await original(schedules, run)
    await original(schedules, run)
