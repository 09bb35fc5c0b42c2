"""A commit that meets another's forgets removals: what was renamed is at both places."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.storage.volumes.publishing import _Merge
from mutants.planting import instead_of


@instead_of("remove", _Merge)
def remove(original: Callable[..., None], merge: _Merge, path: str) -> None:
    """The head is no longer the version that the writer began with."""
    if list(merge._head.deltas) == list(merge._known.base.deltas):
        original(merge, path)
