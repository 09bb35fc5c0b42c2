"""What is measured: the same values through both, sync and one at a time, or in batches of 500."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import intermodal

__all__ = ["BATCH", "OPERATIONS", "Rates", "of_intermodal", "of_redis"]

Rates: TypeAlias = dict[str, float]  #: operations, or items, a second
Operation: TypeAlias = Callable[[int], Any]

OPERATIONS = ("Dict.put", "Dict.get", "Queue.put", "Queue.get", "Queue.put_many", "Queue.get_many")
BATCH = 500
_VALUE = "x" * 100
_KEYS = 100


def of_intermodal(count: int) -> Rates:
    """Named objects, where this code runs: with no app, in an app, or in a container."""
    box = intermodal.Dict.from_name("bench", create_if_missing=True)
    line = intermodal.Queue.from_name("bench", create_if_missing=True)
    line.clear()
    return _rates(
        count,
        {
            "Dict.put": lambda n: box.put(f"k{n % _KEYS}", _VALUE),
            "Dict.get": lambda n: box.get(f"k{n % _KEYS}"),
            "Queue.put": lambda n: line.put(_VALUE),
            "Queue.get": lambda n: line.get(),
            "Queue.put_many": lambda n: line.put_many([_VALUE] * BATCH),
            "Queue.get_many": lambda n: line.get_many(BATCH),
        },
    )


def of_redis(count: int, port: int) -> Rates:
    """redis-py over a loopback socket; values pickled, as ours are."""
    import redis

    with redis.Redis(port=port) as client:
        return _rates(
            count,
            {
                "Dict.put": lambda n: client.hset("d", f"k{n % _KEYS}", pickle.dumps(_VALUE)),
                "Dict.get": lambda n: pickle.loads(_bytes(client.hget("d", f"k{n % _KEYS}"))),
                "Queue.put": lambda n: client.rpush("q", pickle.dumps(_VALUE)),
                "Queue.get": lambda n: pickle.loads(_bytes(client.blpop(["q"])[1])),
                "Queue.put_many": lambda n: client.rpush("q", *[pickle.dumps(_VALUE)] * BATCH),
                "Queue.get_many": lambda n: list(map(pickle.loads, client.lpop("q", BATCH))),
            },
        )


def _bytes(found: Any) -> bytes:
    return bytes(found)


def _rates(count: int, operations: dict[str, Operation]) -> Rates:
    count = min(count, 4_000)  # what is put has to fit into a queue until it is taken
    return {
        name: _rate(count // BATCH or 1, operation) * BATCH if name.endswith("_many") else _rate(count, operation)
        for name, operation in operations.items()
    }


def _rate(count: int, operation: Operation) -> float:
    began = time.perf_counter()
    for number in range(count):
        operation(number)
    return count / (time.perf_counter() - began)
