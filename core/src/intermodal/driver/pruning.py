"""What sessions left in the data directory for the next ones, and which of it nobody has used for long."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path

from intermodal.driver import bundle
from intermodal.storage import BlobDirectory, Uses

__all__ = ["prune", "tidy", "use_blobs", "use_bundle"]

_BLOB, _BUNDLE = "blob-", "guest-"

#: What says of a thing that it is used.
Used = Callable[[str], None]


def use_blobs(used: Used, blobs: Iterable[str]) -> None:
    """A session uses these."""
    for blob in blobs:
        used(_BLOB + blob)


def use_bundle(used: Used, made: Path) -> None:
    """Its containers get this guest."""
    used(_BUNDLE + made.name)


def prune(data_dir: Path, older_than_s: float) -> tuple[int, int]:
    """Remove blobs and guests that no running session uses, nor any has begun to use in so many seconds: how many, and
    their bytes."""
    return Uses(data_dir).prune(older_than_s, functools.partial(_remove, data_dir))


def tidy(data_dir: Path) -> None:
    """The same for what nobody has used in a week, at most once in an hour."""
    Uses(data_dir).tidy(functools.partial(_remove, data_dir))


def _remove(data_dir: Path, name: str) -> int:
    if name.startswith(_BLOB):
        return BlobDirectory(data_dir / "blobs").remove(name.removeprefix(_BLOB))
    if name.startswith(_BUNDLE):
        return bundle.remove(data_dir, name.removeprefix(_BUNDLE))
    return 0
