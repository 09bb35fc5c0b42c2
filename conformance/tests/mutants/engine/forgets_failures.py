"""Nobody but the caller hears of inputs that failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.driver.calling import Calling
from intermodal.engine.commands import InputsFailed
from mutants.planting import instead_of


@instead_of("failed", Calling)
def failed(original: Callable[..., Any], calling: Calling, command: InputsFailed) -> None:
    if command.tries < 2:
        original(calling, command)
