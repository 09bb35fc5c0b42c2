"""Two neighbours of one delivery change places, so that a map's results come in another order than its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from intermodal.driver.calls import CallBook
from mutants.planting import instead_of


@instead_of("deliver", CallBook)
def deliver(
    original: Callable[..., None],
    book: CallBook,
    call: str,
    indices: Sequence[int],
    statuses: Sequence[int],
    payloads: Sequence[Any],
) -> None:
    swapped = list(indices)
    if len(set(swapped)) > 1:
        swapped[0], swapped[-1] = swapped[-1], swapped[0]
    original(book, call, swapped, statuses, payloads)
