"""Fewer, larger deltas with the same content: so that mounting and looking up stay cheap however often is committed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from intermodal.storage.volumes.entries import Delta, Directory, Gone, Place
from intermodal.storage.volumes.paths import ancestors
from intermodal.storage.volumes.stack import Stack

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


def merged(deltas: Sequence[Delta], below: Stack) -> Delta:
    """One delta that does on top of `below` what these do, the newest first.

    It says of a path that it is gone only where something would show there else: in a directory that no other layer has
    a part in, the kernel lists such a path, though nothing can be found there.
    """
    result = reduce(_merge, deltas)
    opaque = {path for path, place in result.items() if isinstance(place, Directory) and place.opaque}

    def shows(path: str) -> bool:
        return opaque.isdisjoint(ancestors(path)) and below.lookup(path) is not None

    return Delta(
        {
            path: place._replace(opaque=False) if isinstance(place, Directory) and not below.deltas else place
            for path, place in result.items()
            if not isinstance(place, Gone) or shows(path)
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
