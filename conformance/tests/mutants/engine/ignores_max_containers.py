"""As many containers start as there is work for, whatever `max_containers` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intermodal.driver.pools import PoolBook
from intermodal.specs import AppSpec
from mutants.planting import instead_of


@instead_of("register", PoolBook)
def register(original: Callable[..., None], book: PoolBook, app: AppSpec) -> None:
    functions = [
        replace(function, scaling=replace(function.scaling, max_containers=None)) for function in app.functions
    ]
    original(book, replace(app, functions=tuple(functions)))
