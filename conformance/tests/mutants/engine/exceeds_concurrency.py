"""A container takes one input more at once than `max_inputs` allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intermodal.driver.pools import PoolBook
from intermodal.specs import AppSpec
from mutants.planting import instead_of


@instead_of("register", PoolBook)
def register(original: Callable[..., None], book: PoolBook, app: AppSpec) -> None:
    functions = [
        replace(function, max_inputs=function.max_inputs + 1) if function.max_inputs > 1 else function
        for function in app.functions
    ]
    original(book, replace(app, functions=tuple(functions)))
