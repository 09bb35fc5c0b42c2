"""A container that waits for nested calls keeps its slot, so that a function which calls itself waits for ever."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.engine import parking, results
from intermodal.engine.core import Core
from intermodal.engine.model import Container
from mutants.planting import instead_of


@instead_of("park_if_blocked", parking, results)
def park_if_blocked(original: Callable[..., None], core: Core, container: Container) -> None:
    pass
