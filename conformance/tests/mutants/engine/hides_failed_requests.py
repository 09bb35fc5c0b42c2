"""A web function that fails, or takes too long, answers as if nothing were wrong."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.gateway import requests
from mutants.planting import instead_of


@instead_of("what_failed", requests)
def what_failed(original: Callable[..., tuple[int, str]], *failure: object) -> tuple[int, str]:
    return 200, original(*failure)[1]
