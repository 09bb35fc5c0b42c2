"""Functions for log.lines"""

from __future__ import annotations

import asyncio
import os
import sys

import intermodal
from intermodal_conformance.apps.common import SMALL, Broken, app


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


@app.function(**SMALL, max_containers=1)
@intermodal.concurrent(max_inputs=4)
async def chat(word: str, seconds: float) -> str | None:
    """Print before and after the others do; the call that it is part of."""
    print(f"{word} begins")
    await asyncio.sleep(seconds)
    print(f"{word} ends")
    return intermodal.current_function_call_id()


@app.function(**SMALL, retries=intermodal.Retries(max_retries=1, initial_delay=0.0))
def stumble(word: str) -> None:
    """Raise, for a reason, unless the word is good."""
    if word != "good":
        raise Broken(len(word)) from LookupError(f"the word is {word}")


@app.function(**SMALL)
def say(text: str) -> None:
    """Write exactly this to stdout, past Python's own buffers too."""
    os.write(1, text.encode())
