"""Functions for log.lines"""

from __future__ import annotations

import os
import sys

import intermodal
from intermodal_conformance.apps.common import SMALL, app


@app.function(**SMALL)
def talk(word: str, lines: int) -> str | None:
    """Print numbered lines on both streams; the call that it is part of."""
    for number in range(lines):
        print(f"{word} out {number}")
        print(f"{word} err {number}", file=sys.stderr)
    return intermodal.current_function_call_id()


@app.function(**SMALL)
def mutter(text: str) -> str | None:
    """Print without an end of line; the call that it is part of."""
    print(text, end="")
    return intermodal.current_function_call_id()


@app.function(**SMALL)
def say(text: str) -> None:
    """Write exactly this to stdout, past Python's own buffers too."""
    os.write(1, text.encode())
