"""`enable_output()`: see what containers print, and progress, while a block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from intermodal.client.checking import checked

__all__ = ["enable_output", "shown"]

_shown = (False, False)


@checked
@contextmanager
def enable_output(show_progress: bool = True) -> Iterator[None]:
    """Apps that start in this block print what their containers print, and show progress while a person looks."""
    global _shown
    before, _shown = _shown, (True, show_progress)
    try:
        yield
    finally:
        _shown = before


def shown() -> tuple[bool, bool]:
    """Whether output and progress are to be shown."""
    return _shown
