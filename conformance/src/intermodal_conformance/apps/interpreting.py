"""Runs any program's expressions in a container; `intermodal_conformance.model` says what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import intermodal
from intermodal_conformance.apps.common import SMALL, Broken, app

KINDS: dict[str, type[Exception]] = {"Broken": Broken, "ValueError": ValueError, "LookupError": LookupError}
Space = tuple[intermodal.Dict, intermodal.Queue]


def seen_error(error: BaseException) -> list[Any]:
    """An exception as programs see it."""
    code = getattr(error, "code", None) if isinstance(error, Broken) else (error.args[:1] or (None,))[0]
    return ["error", type(error).__name__, code if type(error).__name__ in KINDS else None]


def evaluate(space: Space, expression: Sequence[Any]) -> Any:
    """The value of an expression, or its exception."""
    name, *rest = expression
    return OPERATIONS[name](space, *rest)


def fail(space: Space, kind: str, code: int) -> None:
    """Raise."""
    raise KINDS[kind](code)


def catch(space: Space, expression: Sequence[Any]) -> list[Any]:
    """The value, or the exception as a value."""
    try:
        return ["ok", evaluate(space, expression)]
    except Exception as error:  # noqa: BLE001 - the program decides
        return seen_error(error)


def nested_call(space: Space, expression: Sequence[Any]) -> Any:
    """Through another container."""
    return interpret.remote(space, expression)


def nested_spawn(space: Space, expression: Sequence[Any]) -> Any:
    """Through another container, by its id."""
    return interpret.spawn(space, expression).get()


def nested_map(space: Space, expressions: Sequence[Any]) -> list[Any]:
    """Through other containers, failures in place."""
    found = interpret.map([space] * len(expressions), expressions, return_exceptions=True)
    return [seen_error(each) if isinstance(each, Exception) else ["ok", each] for each in found]


def nested_gen(space: Space, expressions: Sequence[Any]) -> list[Any]:
    """Through another container."""
    return read(interpret_gen.remote_gen(space, expressions))


def read(stream: Iterator[Any]) -> list[Any]:
    """What a generator yields, and how it fails if it does."""
    items: list[Any] = []
    try:
        for item in stream:
            items.append(item)  # noqa: PERF402 - what came before a failure counts
    except Exception as error:  # noqa: BLE001 - the program decides
        return [items, seen_error(error)]
    return [items, None]


def store(space: Space, key: str, value: Any) -> Any:
    """Set a key."""
    space[0].put(key, value)
    return value


OPERATIONS: dict[str, Any] = {
    "value": lambda space, value: value,
    "raise": fail,
    "seq": lambda space, each: [evaluate(space, one) for one in each],
    "catch": catch,
    "call": nested_call,
    "spawn": nested_spawn,
    "map": nested_map,
    "gen": nested_gen,
    "set": store,
    "get": lambda space, key: space[0].get(key),
    "claim": lambda space, key, value: space[0].put(key, value, skip_if_exists=True),
    "take": lambda space, key: space[0].pop(key, None),
    "push": lambda space, value: space[1].put(value),
    "pop": lambda space: space[1].get(block=False),
}


@app.function(**SMALL)
def interpret(space: Space, expression: Sequence[Any]) -> Any:
    """Evaluate an expression."""
    return evaluate(space, expression)


@app.function(**SMALL)
def interpret_gen(space: Space, expressions: Sequence[Any]) -> Iterator[Any]:
    """Yield the value of each."""
    for each in expressions:
        yield evaluate(space, each)


@app.function(max_containers=1, **SMALL)
@intermodal.batched(max_batch_size=4, wait_ms=20)
def interpret_batch(spaces: list[Space], expressions: list[Sequence[Any]]) -> list[Any]:
    """Evaluate each, failures as values."""
    return [catch(space, each) for space, each in zip(spaces, expressions, strict=True)]


@app.function(retries=intermodal.Retries(max_retries=2, initial_delay=0.0, backoff_coefficient=1.0), **SMALL)
def interpret_retry(space: Space, failures: int) -> int:
    """Fail so often; which attempt it is."""
    attempt = intermodal.current_attempt() or 0
    space[1].put(attempt, partition="attempts")
    if attempt <= failures:
        raise Broken(attempt)
    return attempt


@app.function(**SMALL)
def wait_for_ever(space: Space) -> None:
    """Wait for what does not come."""
    space[1].get(partition="never")
