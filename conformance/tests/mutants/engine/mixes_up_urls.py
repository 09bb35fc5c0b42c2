"""Each web function is told the URL of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.gateway import session
from mutants.planting import instead_of


@instead_of("urls_of", session)
def urls_of(original: Callable[..., dict[Any, str]], *arguments: Any) -> dict[Any, str]:
    urls = original(*arguments)
    return dict(zip(urls, reversed(urls.values()), strict=True))
