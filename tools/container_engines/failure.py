"""What stops this program, and how it tells what it does."""

from __future__ import annotations

import sys

__all__ = ["Failure", "say"]


class Failure(Exception):
    """It cannot go on. The text says why, and what to do."""


def say(text: str) -> None:
    """Tell the user what goes on."""
    print(text, file=sys.stderr, flush=True)
