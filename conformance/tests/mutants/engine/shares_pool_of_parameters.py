"""Instances of a class with other parameters are served by the containers of the first."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.client.api import CallTarget
from intermodal.driver.pools import Pool, PoolBook
from mutants.planting import instead_of


@instead_of("resolve", PoolBook)
def resolve(original: Callable[..., tuple[Pool, bool]], book: PoolBook, target: CallTarget) -> tuple[Pool, bool]:
    for other, pool in book._by_target.items():
        if other[:2] == (target.app, target.key):
            return pool, False
    return original(book, target)
