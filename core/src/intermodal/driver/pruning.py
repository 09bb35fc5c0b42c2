"""What sessions left in the data directory for the next ones, and which of it nobody has used for long."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from intermodal.driver import bundle
from intermodal.driver.loop import LoopThread
from intermodal.storage import DirectoryStorage, Uses, collect
from intermodal.storage.reach import UnreadableReference

__all__ = ["prune", "tidy", "use_bundle"]

_KEPT_S = 7 * 86400.0
_BUNDLE = "guest-"

#: What says of a thing that it is used.
Used = Callable[[str], None]


def use_bundle(used: Used, made: Path) -> None:
    """A session's containers get this guest."""
    used(_BUNDLE + made.name)


def prune(data_dir: Path, older_than_s: float) -> tuple[int, int]:
    """Remove blobs and guests that no running session uses, no reference needs, nor any session has begun to use in so
    many seconds: how many, and their bytes.

    Raises `UnreadableReference` where it cannot be told what a reference needs.
    """
    count, freed = Uses(data_dir).prune(older_than_s, functools.partial(_remove, data_dir))
    thread = LoopThread("intermodal-pruning")  # who calls may be inside of a loop
    try:
        found = thread.start(collect(DirectoryStorage(data_dir), grace_s=older_than_s)).result()
    finally:
        thread.stop()
    return count + len(found.removed), freed + found.bytes_freed


def tidy(data_dir: Path) -> None:
    """The same for what nobody has used in a week, at most once in an hour."""
    if Uses(data_dir).due():
        try:
            prune(data_dir, _KEPT_S)
        except UnreadableReference:
            pass  # no fault of the session that has just ended; `intermodal storage gc` says it


def _remove(data_dir: Path, name: str) -> int:
    return bundle.remove(data_dir, name.removeprefix(_BUNDLE)) if name.startswith(_BUNDLE) else 0
