"""A container that dies under an input costs it a retry."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.engine import attempts, lifecycle
from intermodal.engine.core import Core
from intermodal.engine.model import Container, Input
from mutants.planting import instead_of


@instead_of("lost", attempts, lifecycle)
def lost(original: Callable[..., None], core: Core, container: Container, item: Input, cause: str, detail: str) -> None:
    item.more().retries += 1
    original(core, container, item, cause, detail)
