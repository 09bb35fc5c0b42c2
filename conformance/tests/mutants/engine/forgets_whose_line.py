"""Lines of output are passed on without the call that printed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.driver.unit import Unit
from mutants.planting import instead_of


@instead_of("_log_lines", Unit)
def log_lines(
    original: Callable[..., Any],
    unit: Unit,
    stream: int,
    lines: list[str],
    call: str | None,
    index: int | None = None,
) -> None:
    original(unit, stream, lines, None, index)
