"""A queue gives its newest item first."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.storage.state import queues
from intermodal.storage.state.transaction import Transaction
from mutants.planting import instead_of


@instead_of("_page", queues)
def page(
    original: Callable[..., list[tuple[int, bytes]]], transaction: Transaction, partition: int, after: int, limit: int
) -> list[tuple[int, bytes]]:
    everything = original(transaction, partition, after, 1 << 20)
    return everything[::-1][:limit]
