"""Kills the server while calls are spawned, and looks for each of those that were accepted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import intermodal
from calls.served import Served
from intermodal.exception import Error

__all__ = ["Outcome", "hunt"]

_THREADS = 8


class Outcome:
    """What became of calls: `accepted` by id with the argument, and how many had the right result, were lost, or had
    another one."""

    def __init__(self) -> None:
        self.accepted: dict[str, int] = {}
        self.right = self.lost = self.wrong = 0
        self.kills = 0

    @property
    def sound(self) -> bool:
        """Nothing was lost, and nothing else came out."""
        return self.right == len(self.accepted)


def hunt(served: Served, calls: int, kills: int, seed: int) -> Outcome:
    """Spawn so many calls while a running server is killed so many times at random moments; it runs at the end."""
    draw, outcome = random.Random(seed), Outcome()
    numbers = iter(range(calls))
    gate = threading.Lock()
    over = threading.Event()

    def spawn() -> None:
        square = intermodal.Function.from_name("calls", "square")
        while not over.is_set():
            with gate:
                number = next(numbers, None)
            if number is None:
                return
            while not over.is_set():
                try:
                    call = square.spawn(number)
                except Error:  # it was killed: whether the call was accepted, nobody knows
                    time.sleep(0.05)
                    continue
                outcome.accepted[call.object_id] = number
                break
            time.sleep(pause)

    # Spread over all kills: a server lives for about a second.
    pause = 1.2 * kills * _THREADS / calls
    spawning = [threading.Thread(target=spawn) for _ in range(_THREADS)]
    for thread in spawning:
        thread.start()
    try:
        while outcome.kills < kills:
            time.sleep(draw.uniform(0.1, 2.0))
            served.kill()
            outcome.kills += 1
            served.start()
        for thread in spawning:
            thread.join()
    finally:
        over.set()
    with ThreadPoolExecutor(_THREADS) as pool:
        for state in pool.map(_state, outcome.accepted.items()):
            setattr(outcome, state, getattr(outcome, state) + 1)
    return outcome


def _state(accepted: tuple[str, int]) -> str:
    call, number = accepted
    try:
        value = intermodal.FunctionCall.from_id(call).get(timeout=300)
    except (Error, TimeoutError):
        return "lost"
    return "right" if value == number * number else "wrong"


def recorded(served: Served) -> Iterator[tuple[str, int, int]]:
    """Calls that ended, with the inputs and the outputs of each, as they are in the server's database."""
    import sqlite3

    with sqlite3.connect(served.data / "calls.db") as database:
        yield from database.execute(
            "SELECT calls.id, calls.inputs, count(outputs.status) FROM calls LEFT JOIN outputs ON "
            "outputs.call = calls.number GROUP BY calls.number"
        )
