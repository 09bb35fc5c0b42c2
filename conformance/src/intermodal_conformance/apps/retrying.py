"""Functions for retry.*: each tells a queue of every attempt that begins."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence

import intermodal
from intermodal_conformance.apps.common import SMALL, Broken, app

THRICE = intermodal.Retries(max_retries=2, initial_delay=0.01, backoff_coefficient=1.0)
SPACED = intermodal.Retries(max_retries=2, initial_delay=0.3, backoff_coefficient=2.0)


def follow(log: intermodal.Queue, script: Sequence[str]) -> int:
    """Do what the script says for this attempt: "ok", "raise", "kill", or "sleep"; its last word goes on for ever."""
    done = len(log)
    log.put((intermodal.current_attempt(), time.time(), intermodal.current_input_id()))
    word = script[min(done, len(script) - 1)]
    if word == "raise":
        raise Broken(done + 1)
    if word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "sleep":
        time.sleep(60)
    return done + 1


@app.function(retries=THRICE, **SMALL)
def retried(log: intermodal.Queue, script: Sequence[str]) -> int:
    """With two retries."""
    return follow(log, script)


@app.function(retries=SPACED, **SMALL)
def spaced(log: intermodal.Queue, script: Sequence[str]) -> int:
    """With two retries, 0.3 and 0.6 s apart."""
    return follow(log, script)


@app.function(retries=1, **SMALL)
def once_more(log: intermodal.Queue, script: Sequence[str]) -> int:
    """With one retry, given as a number: a second apart."""
    return follow(log, script)


@app.function(**SMALL)
def never(log: intermodal.Queue, script: Sequence[str]) -> int:
    """Without retries."""
    return follow(log, script)


@app.function(retries=THRICE, timeout=1, **SMALL)
def retried_in_time(log: intermodal.Queue, script: Sequence[str]) -> int:
    """With two retries, and a second for each try."""
    return follow(log, script)


@app.function(retries=THRICE, timeout=2, **SMALL)
async def stubborn(log: intermodal.Queue, returning: intermodal.Queue) -> str:
    """Its first attempt does not stop when it is told to, and returns too late: before the second does, who waits."""
    attempt = intermodal.current_attempt()
    await log.put.aio((attempt, time.time(), ""))
    if attempt == 1:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)
            await returning.put.aio(True)
            return "late"
    await returning.get.aio()
    await asyncio.sleep(0.5)
    return "in time"


@app.function(retries=THRICE, **SMALL)
def once_each(log: intermodal.Dict, x: int) -> tuple[int, int | None]:
    """Every input fails once."""
    if log.put(x, True, skip_if_exists=True):
        raise Broken(x)
    return x, intermodal.current_attempt()


@app.function(max_containers=1, **SMALL)
def poison(x: int) -> int:
    """Kills its container where x is negative."""
    if x < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return x
