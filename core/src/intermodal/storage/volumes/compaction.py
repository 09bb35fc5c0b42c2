"""Fewer, larger deltas with the same content: so that mounting and looking up stay cheap however often is committed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from intermodal.storage.volumes.entries import Delta, Directory, Gone, Place

__all__ = ["MOST", "merged", "run_to_merge"]

#: A version of more deltas is compacted.
MOST = 16
_RATIO = 2


def run_to_merge(sizes: Sequence[int], most: int = MOST) -> int:
    """How many of the newest deltas become one; 0: none, there are not more than `most`. `sizes` are their paths, the
    newest first.

    What is old and large is left alone until the newer ones together come near its size: so a path is written again
    a few times in its life, not with each compaction.
    """
    if len(sizes) <= most:
        return 0
    count = most // 2
    paths = sum(sizes[:count])
    while count < len(sizes) and sizes[count] <= paths * _RATIO:
        paths += sizes[count]
        count += 1
    return count


def merged(deltas: Sequence[Delta], *, bottom: bool) -> Delta:
    """One delta that does what these do, the newest first. `bottom`: nothing lies below, so nothing needs hiding."""
    result = reduce(_merge, deltas)
    if not bottom:
        return result
    return Delta(
        {
            path: place._replace(opaque=False) if isinstance(place, Directory) else place
            for path, place in result.items()
            if not isinstance(place, Gone)
        }
    )


def _merge(upper: Delta, lower: Delta) -> Delta:
    places: dict[str, Place] = {path: place for path, place in lower.items() if not upper.hides(path)}
    for path, place in upper.items():
        below = places.get(path)
        if isinstance(place, Directory) and not place.opaque and below is not None:
            place = place._replace(opaque=not isinstance(below, Directory) or below.opaque)
        elif isinstance(place, Directory) and not place.opaque and lower.hides(path):
            place = place._replace(opaque=True)
        places[path] = place
    return Delta(places)
