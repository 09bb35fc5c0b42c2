"""An input ends with its first lost container: the infrastructure budget is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intermodal.engine.core import Core, Settings
from mutants.planting import instead_of


@instead_of("__init__", Core)
def init(original: Callable[..., None], core: Core, settings: Settings, prefix: str) -> None:
    original(core, replace(settings, max_losses=1), prefix)
