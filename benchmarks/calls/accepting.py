"""How many calls a second one client has accepted, in whatever way it spawns them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import intermodal

__all__ = ["measure"]

_THREADS = 32


def measure(calls: int, rounds: int) -> dict[str, float]:
    """Calls a second, the median of some rounds, by way of spawning."""
    square = intermodal.Function.from_name("calls", "square")
    square.remote(1)
    ways: dict[str, Callable[[], None]] = {
        "spawn.aio, gathered": lambda: asyncio.run(_gathered(square, calls)),
        f"spawn on {_THREADS} threads": lambda: _threaded(square, calls),
        "spawn, one after another": lambda: _in_turn(square, max(calls // 20, 1)),
        "inputs of spawn_map": lambda: _mapped(square, calls),
    }
    counts = {name: max(calls // 20, 1) if "after" in name else calls for name in ways}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, spawn in ways.items():
            begun = time.perf_counter()
            spawn()
            found[name].append(counts[name] / (time.perf_counter() - begun))
            square.spawn(0).get()  # what was accepted before runs before it
    return {name: median(each) for name, each in found.items()}


async def _gathered(square: intermodal.Function[..., int], calls: int) -> None:
    await asyncio.gather(*(square.spawn.aio(n) for n in range(calls)))


def _threaded(square: intermodal.Function[..., int], calls: int) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(square.spawn, range(calls)))


def _in_turn(square: intermodal.Function[..., int], calls: int) -> None:
    for n in range(calls):
        square.spawn(n)


def _mapped(square: intermodal.Function[..., int], calls: int) -> None:
    square.spawn_map(range(calls))
