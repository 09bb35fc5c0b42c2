"""An input gets one try less than its retries allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.engine import attempts, deadlines, results
from intermodal.engine.core import Core
from intermodal.engine.model import Container, Input
from mutants.planting import instead_of


@instead_of("failed", attempts, results, deadlines)
def failed(original: Callable[..., None], core: Core, container: Container, item: Input, payload: Any) -> None:
    if not item.more().retries:
        item.more().retries = 1
    original(core, container, item, payload)
