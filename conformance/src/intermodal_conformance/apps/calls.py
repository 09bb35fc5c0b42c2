"""Functions for call.*, map.* and gen.*"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import intermodal
from intermodal_conformance.apps.common import SMALL, Broken, app


@app.function(**SMALL)
def echo(value: Any) -> Any:
    """Its argument."""
    return value


@app.function(**SMALL)
def describe(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """Its arguments, as they arrived."""
    return args, dict(sorted(kwargs.items()))


@app.function(**SMALL)
def fail(kind: str, *args: Any) -> None:
    """Raise an exception of that kind."""
    kinds: dict[str, type[BaseException]] = {
        "Broken": Broken,
        "ValueError": ValueError,
        "KeyError": KeyError,
        "FileNotFoundError": FileNotFoundError,
        "SystemExit": SystemExit,
    }
    raise kinds[kind](*args)


@app.function(**SMALL)
def fail_if_odd(x: int) -> int:
    """An even number, or a `Broken`."""
    if x % 2:
        raise Broken(x)
    return x


@app.function(**SMALL)
def leave(code: int) -> None:
    """`SystemExit`."""
    sys.exit(code)


@app.function(**SMALL)
def unpicklable() -> object:
    """What cannot travel."""
    return (i for i in range(3))


@app.function(**SMALL)
def raise_unpicklable() -> None:
    """An exception that cannot travel."""
    error = Broken(9)
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    raise error


class Undecodable:
    """Unpickling it works here only."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _explode, ()


def _explode() -> None:
    if not intermodal.is_local():
        raise RuntimeError("only in a container")


@app.function(**SMALL)
def swap(x: int, delay: float) -> tuple[int, float, float]:
    """Its number after `delay` seconds, with the times of its begin and end."""
    began = time.time()
    time.sleep(delay)
    return x, began, time.time()


@app.function(**SMALL)
def where() -> dict[str, Any]:
    """Facts about the container and the input."""
    return {
        "local": intermodal.is_local(),
        "input": intermodal.current_input_id(),
        "call": intermodal.current_function_call_id(),
        "attempt": intermodal.current_attempt(),
        "cwd": os.getcwd(),
        "home": os.environ.get("HOME"),
        "pid": os.getpid(),
    }


@app.function(**SMALL)
def count(n: int) -> Iterator[int]:
    """Yield so many."""
    yield from range(n)


@app.function(**SMALL)
def count_then_fail(n: int) -> Iterator[int]:
    """Yield so many, then raise."""
    yield from range(n)
    raise Broken(n)


@app.function(**SMALL)
def endless(log: intermodal.Queue) -> Iterator[int]:
    """Yield for ever, telling the queue how far it is and when it ends."""
    n = 0
    try:
        while True:
            yield n
            n += 1
            if n % 50 == 0:
                log.put(n)
    finally:
        log.put("ended")


@app.function(**SMALL)
def slowly(log: intermodal.Queue) -> Iterator[int]:
    """Yield, then wait for a word from the reader before going on."""
    for n in range(3):
        yield n
        log.get(timeout=60)


@app.function(**SMALL)
def note(log: intermodal.Dict, x: int) -> int:
    """Leave a trace, then fail where x is odd."""
    time.sleep(0.05 * x)
    log.put(x, True)
    if x % 2:
        raise Broken(x)
    return x


@app.function(**SMALL)
def fail_or_wait(log: intermodal.Dict, x: int) -> int:
    """Fail where x is odd, else wait for the word "on"."""
    if x % 2:
        raise Broken(x)
    deadline = time.monotonic() + 60
    while "on" not in log and time.monotonic() < deadline:
        time.sleep(0.02)
    return x


@app.function(timeout=1, **SMALL)
def too_long(seconds: float) -> str:
    """May take a second."""
    time.sleep(seconds)
    return "done"


@app.function(timeout=1, **SMALL)
async def too_long_async(seconds: float) -> str:
    """The same as a coroutine."""
    await asyncio.sleep(seconds)
    return "done"


@app.function(timeout=3, max_containers=1, **SMALL)
def one_by_one(seconds: float) -> float:
    """May take three seconds; its inputs wait for each other."""
    time.sleep(seconds)
    return seconds


@app.cls(timeout=1, **SMALL)
class SlowStart:
    """Takes longer to start than its method may take."""

    @intermodal.enter()
    def begin(self) -> None:
        """Two seconds."""
        time.sleep(2)

    @intermodal.method()
    def answer(self) -> int:
        """Quick."""
        return 42


@app.function(**SMALL)
def wait_for(box: intermodal.Queue) -> Any:
    """What somebody puts into the queue."""
    return box.get(timeout=120)


@app.function(**SMALL)
def total(n: int) -> int:
    """Sum what another function says of each number."""
    return sum(echo.map(range(n)))


@app.function(**SMALL)
def factorial(n: int) -> int:
    """By calling itself."""
    return 1 if n <= 1 else n * factorial.remote(n - 1)


@app.function(max_containers=1, **SMALL)
def fibonacci(n: int) -> int:
    """By calling itself twice, with one container only."""
    return n if n < 2 else fibonacci.remote(n - 1) + fibonacci.remote(n - 2)


@app.function(**SMALL)
def relay(function: intermodal.Function[..., Any], *args: Any) -> Any:
    """Call another function and hand on what it says."""
    return function.remote(*args)


@app.function(**SMALL)
def relay_spawn(x: Any) -> tuple[str, Any]:
    """Spawn and get; the id of the call."""
    call = echo.spawn(x)
    return call.object_id, intermodal.FunctionCall.from_id(call.object_id).get()


@app.function(**SMALL)
def relay_gen(n: int) -> list[int]:
    """What a generator yields, read in a container."""
    return list(count.remote_gen(n))


@app.function(**SMALL)
def relay_async(xs: list[int]) -> list[int]:
    """Several at once."""

    async def all_of_them() -> list[int]:
        return list(await asyncio.gather(*(echo.remote.aio(x) for x in xs)))

    return asyncio.run(all_of_them())


@app.function(**SMALL)
def add(x: int, y: int = 0, z: int = 0) -> int:
    """The sum."""
    return x + y + z
