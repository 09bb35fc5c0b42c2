"""Imports without the search for garbage, of which they make none, and of which what they made is never to be."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["importing"]


@contextmanager
def importing() -> Iterator[None]:
    """For code of ours only, before any of the user's: the objects of a frozen heap are never looked at again, neither
    while the command runs nor at its end, and what is theirs may need that to be closed."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
