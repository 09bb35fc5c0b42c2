"""Methods of an image change that image, and so whatever else is made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.definitions.image import Image
from mutants.planting import instead_of


@instead_of("_with", Image)
def with_step(original: Callable[..., Image], image: Image, step: Any) -> Image:
    image._steps = original(image, step)._steps
    return image
