"""An input may run as long as it likes, whatever its timeout says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intermodal.driver.pools import PoolBook
from intermodal.specs import AppSpec
from mutants.planting import instead_of


@instead_of("register", PoolBook)
def register(original: Callable[..., None], book: PoolBook, app: AppSpec) -> None:
    original(book, replace(app, functions=tuple(replace(function, timeout_s=86_400) for function in app.functions)))
