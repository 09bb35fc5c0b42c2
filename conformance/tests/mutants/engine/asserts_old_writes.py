"""Each commit publishes again all that a container ever wrote to a volume, over what others have written since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.storage.volumes.publishing import Known
from intermodal.storage.volumes.written import Layer, Written
from mutants.planting import instead_of


@instead_of("committed", Layer)
def committed(original: Callable[..., None], layer: Layer, written: Written) -> None:
    """No manifest is kept."""


@instead_of("learn", Known)
def learn(original: Callable[..., None], known: Known, changes: Any) -> None:
    """Nor is what was published."""
