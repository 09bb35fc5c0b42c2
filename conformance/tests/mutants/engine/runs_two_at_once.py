"""A container takes two inputs at once where the function asked for no concurrency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intermodal.driver.pools import PoolBook
from intermodal.specs import AppSpec
from mutants.planting import instead_of


@instead_of("register", PoolBook)
def register(original: Callable[..., None], book: PoolBook, app: AppSpec) -> None:
    functions = [
        replace(function, max_inputs=2) if function.max_inputs == 1 else function for function in app.functions
    ]
    original(book, replace(app, functions=tuple(functions)))
