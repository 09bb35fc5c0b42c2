"""Functions for batch.*"""

from __future__ import annotations

import time
from typing import Any

import intermodal
from intermodal_conformance.apps.common import SMALL, Broken, app

#: (value, values of the whole batch, when it began)
Seen = tuple[Any, tuple[Any, ...], float]


def seen(xs: list[Any]) -> list[Seen]:
    """What each input of a batch is told."""
    now = time.time()
    return [(x, tuple(xs), now) for x in xs]


@app.function(max_containers=1, **SMALL)
@intermodal.batched(max_batch_size=4, wait_ms=300)
def soon(xs: list[int]) -> list[Seen]:
    """Batches of up to four, closed after 0.3 s."""
    return seen(xs)


@app.function(max_containers=1, **SMALL)
@intermodal.batched(max_batch_size=3, wait_ms=120_000)
async def when_full(xs: list[int]) -> list[Seen]:
    """Batches of three, closed after two minutes."""
    return seen(xs)


@app.function(max_containers=1, **SMALL)
@intermodal.batched(max_batch_size=4, wait_ms=100)
def pairs(xs: list[int], ys: list[int]) -> list[tuple[int, int, bool]]:
    """Each argument is a list."""
    return [(x, y, type(xs) is list and type(ys) is list) for x, y in zip(xs, ys, strict=True)]


@app.function(max_containers=1, **SMALL)
@intermodal.batched(max_batch_size=4, wait_ms=100)
def wrong(xs: list[str]) -> Any:
    """Goes wrong as its first input says."""
    if xs[0] == "short":
        return xs[:-1]
    if xs[0] == "long":
        return [*xs, "more"]
    if xs[0] == "tuple":
        return tuple(xs)
    if xs[0] == "raise":
        raise Broken(len(xs))
    return [(n for n in range(3)) if x == "unpicklable" else x for x in xs]


@app.function(
    max_containers=1,
    retries=intermodal.Retries(max_retries=1, initial_delay=0.01, backoff_coefficient=1.0),
    **SMALL,
)
@intermodal.batched(max_batch_size=4, wait_ms=300)
def retried_batch(xs: list[int]) -> list[Seen]:
    """Fails where a negative number is among them."""
    if min(xs) < 0:
        raise Broken(len(xs))
    return seen(xs)


@app.cls(max_containers=1, **SMALL)
class Batcher:
    """A method in batches."""

    @intermodal.enter()
    def begin(self) -> None:
        """Something for the method to find."""
        self.factor = 10

    @intermodal.batched(max_batch_size=4, wait_ms=300)
    def times_ten(self, xs: list[int]) -> list[tuple[int, int]]:
        """Products, and the size of the batch."""
        return [(self.factor * x, len(xs)) for x in xs]
