"""Functions that the end-to-end tests call."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

import intermodal as modal

app = modal.App("e2e-basics")


@app.function()
def double(x: int) -> int:
    return 2 * x


@app.function()
def add(x: int, y: int, z: int = 0) -> int:
    return x + y + z


class Broken(Exception):
    """An exception of the user's own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"broken {code}")
        self.code = code


@app.function()
def fail(code: int) -> None:
    raise Broken(code)


@app.function()
def fail_if_odd(x: int) -> int:
    if x % 2:
        raise ValueError(x)
    return x


@app.function()
def leave(code: int) -> None:
    sys.exit(code)


@app.function()
def unpicklable() -> object:
    return (i for i in range(3))


@app.function()
def missing_module() -> None:
    import no_such_module_anywhere  # noqa: F401


@app.function()
def count(n: int):
    yield from range(n)


@app.function()
def count_then_fail(n: int):
    yield from range(n)
    raise Broken(n)


@app.function()
async def double_async(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


@app.function(timeout=1)
def sleep_long(seconds: float) -> str:
    time.sleep(seconds)
    return "woke"


@app.function()
def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@app.function()
def where() -> dict:
    return {
        "local": modal.is_local(),
        "input": modal.current_input_id(),
        "call": modal.current_function_call_id(),
        "cwd": os.getcwd(),
        "home": os.environ["HOME"],
        "pid": os.getpid(),
        "root": sorted(os.listdir("/root")),
    }


@app.function()
def total(n: int) -> int:
    return sum(double.map(range(n)))


@app.function()
def read_generator(n: int) -> list:
    return list(count.remote_gen(n))


@app.function()
def factorial(n: int) -> int:
    return 1 if n <= 1 else n * factorial.remote(n - 1)


@app.function(max_containers=1)
def fib(n: int) -> int:
    return n if n < 2 else fib.remote(n - 1) + fib.remote(n - 2)


@app.function()
def spawner(x: int) -> int:
    return double.spawn(x).get()


@app.function()
def length(data: bytes) -> int:
    return len(data)


@app.function()
def echo(value: object) -> object:
    return value


class Undecodable:
    """Unpickling it raises an exception whose class exists there only."""

    def __reduce__(self) -> tuple:
        return _explode, ()


def _explode() -> None:
    class OnlyHere(Exception):
        pass

    if not modal.is_local():
        raise OnlyHere("only here")


@app.function()
def raise_unpicklable() -> None:
    error = Broken(9)
    error.lock = threading.Lock()
    raise error


@app.function()
def kill_self() -> None:
    os.kill(os.getpid(), 9)


@app.function(retries=modal.Retries(max_retries=3, initial_delay=0.01, backoff_coefficient=1.0))
def fails_twice(box: modal.Dict, key: str) -> int:
    tries = box.get(key, 0) + 1
    box[key] = tries
    if tries < 3:
        raise Broken(tries)
    return tries
