"""Many inputs per call: `.map()`, `.starmap()`, `.for_each()`, `.spawn_map()`.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from intermodal.client.api import CallTarget, Client
from intermodal.client.calls import FunctionCall, spawn_all, value_of
from intermodal.client.feeding import Window, feeder_for, zipped
from intermodal.exception import InputCancelledError, InvalidError
from intermodal.specs.status import ITEM, OK

__all__ = ["for_each", "map_values", "spawn_map"]


async def map_values(
    client: Client,
    target: CallTarget,
    iterables: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    unpack: bool = False,
    order_outputs: bool = True,
    return_exceptions: bool = False,
) -> AsyncGenerator[Any, None]:
    """Yield the value of every input (map.order, map.errors). `unpack` is starmap: items are argument tuples."""
    items = _items(iterables, unpack)
    dumps = client.dumps
    window = Window()
    call = client.submit(target, (), closed=False)
    feeder = feeder_for(items, call, lambda args: dumps((tuple(args), kwargs)), window)
    outputs = call.outputs
    early: dict[int, Any] = {}
    position = 0
    abandoned = True
    try:
        feeder.start()
        while True:
            batch = outputs.take()
            if batch is None:
                if window.error is not None:
                    raise window.error
                if window.finished and window.taken >= window.submitted:
                    abandoned = False
                    return
                if outputs.ended:
                    outputs.check()
                    raise InputCancelledError(f"call {call.id} was cancelled")
                feeder.feed()
                await outputs.arrival()
                continue
            values = [
                (index, _decode(client, status, payload, return_exceptions))
                for index, status, payload in zip(*batch, strict=True)
                if status != ITEM
            ]
            if order_outputs:
                early.update(values)
                values = []
                while position in early:
                    values.append((position, early.pop(position)))
                    position += 1
            window.take(len(values))
            if not window.finished:
                feeder.feed()
            for _, value in values:
                yield value
    except Exception:
        # A failed input raises here, but nothing else is cancelled (map.errors).
        abandoned = False
        raise
    finally:
        feeder.stop()
        if abandoned:
            call.cancel()


def _decode(client: Client, status: int, payload: Any, return_exceptions: bool) -> Any:
    if status == OK:
        return client.loads(payload)
    try:
        return value_of(client, status, payload)
    except Exception as error:
        if not return_exceptions:
            raise
        return error


def _items(iterables: tuple[Any, ...], unpack: bool) -> Any:
    if not unpack:
        if not iterables:
            raise InvalidError("map needs at least one iterable of inputs")
        return zipped(iterables)
    if len(iterables) != 1:
        raise InvalidError("starmap takes one iterable, of argument tuples")
    return iterables[0]


async def for_each(
    client: Client,
    target: CallTarget,
    iterables: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    ignore_exceptions: bool = False,
) -> None:
    """Run every input for its effects and wait for all."""
    stream = map_values(client, target, iterables, kwargs, order_outputs=False, return_exceptions=ignore_exceptions)
    async for _ in stream:
        pass


async def spawn_map(
    client: Client, target: CallTarget, iterables: tuple[Any, ...], kwargs: dict[str, Any]
) -> FunctionCall[Any]:
    """Start every input, detached, and return at once with one `FunctionCall` for all (call.spawn)."""
    items = _items(iterables, False)
    if isinstance(items, AsyncIterable):
        raise InvalidError("spawn_map reads its inputs at once: give it a plain iterable")
    return await spawn_all(client, target, [client.dumps((tuple(args), kwargs)) for args in items])
