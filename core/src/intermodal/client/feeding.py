"""Feeding the inputs of a map with bounded look-ahead (map.lazy).

A list, tuple or range gives its items at once and is read by whoever iterates the results. Any other iterable may block
or wait for earlier results, so a thread of its own reads it (an async one: a task of the caller's loop).

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from typing import Any

from intermodal.client.api import CallHandle

__all__ = ["Window", "feeder_for"]

#: Inputs that were read but whose outputs were not yet taken by the caller: at most this many.
WINDOW = 8192
#: Inputs per submission.
CHUNK = 256

#: Iterables that give their items at once.
_READY = (list, tuple, range, str, bytes, dict, set, frozenset)

Dump = Callable[[Any], Any]


class Window:
    """Counts what is under way: the feeder may be at most `WINDOW` inputs ahead of what the caller has taken."""

    def __init__(self) -> None:
        self.submitted = 0
        self.taken = 0
        self.stopped = False
        self.finished = False
        self.error: BaseException | None = None
        self._moved = threading.Condition(threading.Lock())

    def room(self) -> int:
        """How many more inputs may be submitted now."""
        return WINDOW - (self.submitted - self.taken)

    def take(self, count: int) -> None:
        """The caller has taken `count` outputs."""
        with self._moved:
            self.taken += count
            if self.room() >= CHUNK:
                self._moved.notify()

    def stop(self) -> None:
        """The caller wants no more."""
        with self._moved:
            self.stopped = True
            self._moved.notify()

    def wait_for_room(self) -> bool:
        """Block until a chunk fits; False once stopped."""
        with self._moved:
            self._moved.wait_for(lambda: self.stopped or self.room() >= CHUNK)
            return not self.stopped


class InlineFeeder:
    """Feeds from a sized built-in, in the caller's own thread."""

    def __init__(self, items: Iterable[Any], call: CallHandle, dump: Dump, window: Window) -> None:
        self._items = iter(items)
        self._call, self._dump, self._window = call, dump, window

    def start(self) -> None:
        """Submit the first inputs."""
        self.feed()

    def feed(self) -> None:
        """Submit as much as the window admits."""
        window = self._window
        while not window.finished and window.room() >= CHUNK:
            batch, exhausted = _chunk(self._items, self._dump, CHUNK)
            window.submitted += len(batch)
            window.finished = exhausted
            self._call.add(batch, exhausted)

    def stop(self) -> None:
        """No more inputs."""
        if not self._window.finished:
            self._window.finished = True
            self._call.add([], True)


class ThreadFeeder:
    """Feeds from any iterable in a thread. Items go out as they come: one that is slow to come does not hold up
    others."""

    def __init__(self, items: Iterable[Any], call: CallHandle, dump: Dump, window: Window) -> None:
        self._items, self._call, self._dump, self._window = items, call, dump, window

    def start(self) -> None:
        """Begin reading."""
        threading.Thread(target=self._run, name="intermodal-map-inputs", daemon=True).start()

    def feed(self) -> None:
        """The thread does it."""

    def stop(self) -> None:
        """Let the thread end; it may still be inside the caller's iterator for one item."""
        self._window.stop()

    def _run(self) -> None:
        window, call = self._window, self._call
        try:
            iterator = iter(self._items)
            size = 1
            while not window.finished:
                batch, exhausted = _chunk(iterator, self._dump, size) if window.wait_for_room() else ([], True)
                window.submitted += len(batch)
                window.finished = exhausted
                call.add(batch, exhausted)
                # Grow while items come faster than they are taken; start over when the caller is waiting for them.
                size = min(CHUNK, size * 2) if window.submitted - window.taken > size else 1
        except BaseException as error:  # noqa: BLE001 - it is the caller's, and reaches them
            window.error = error
            window.finished = True
        finally:
            call.outputs.wake()


class AsyncFeeder:
    """Feeds from an async iterable by a task on the caller's event loop."""

    def __init__(self, items: AsyncIterable[Any], call: CallHandle, dump: Dump, window: Window) -> None:
        self._items, self._call, self._dump, self._window = items, call, dump, window
        self._task: asyncio.Task[None] | None = None
        self._room = asyncio.Event()

    def start(self) -> None:
        """Begin reading."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def feed(self) -> None:
        """Outputs were taken: there may be room again."""
        self._room.set()

    def stop(self) -> None:
        """End the task."""
        if self._task is not None and not self._window.finished:
            self._task.cancel()
            self._call.add([], True)

    async def _run(self) -> None:
        window = self._window
        try:
            async for item in self._items:
                while window.room() < 1:
                    self._room.clear()
                    await self._room.wait()
                window.submitted += 1
                self._call.add([self._dump(item)], False)
            window.finished = True
            self._call.add([], True)
        except BaseException as error:  # noqa: BLE001 - it is the caller's, and reaches them
            window.error = error
            window.finished = True
        finally:
            self._call.outputs.wake()


Feeder = InlineFeeder | ThreadFeeder | AsyncFeeder


def feeder_for(items: Any, call: CallHandle, dump: Dump, window: Window) -> Feeder:
    """The feeder that suits the iterable."""
    if isinstance(items, AsyncIterable):
        return AsyncFeeder(items, call, dump, window)
    if isinstance(items, ReadyZip) or type(items) in _READY:
        return InlineFeeder(items, call, dump, window)
    return ThreadFeeder(items, call, dump, window)


class ReadyZip:
    """A zip of sized built-ins: reading it never blocks."""

    def __init__(self, iterables: tuple[Iterable[Any], ...]) -> None:
        self._iterables = iterables

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return zip(*self._iterables, strict=False)


def zipped(iterables: tuple[Any, ...]) -> Any:
    """Several iterables as one of tuples, to the shortest; an async one makes the result async."""
    if any(isinstance(each, AsyncIterable) for each in iterables):
        return _zip_async(iterables)
    if all(type(each) in _READY for each in iterables):
        return ReadyZip(iterables)
    return zip(*iterables, strict=False)


async def _zip_async(iterables: tuple[Any, ...]) -> Any:
    readers = [_aiter(each) for each in iterables]
    while True:
        items = []
        for reader in readers:
            try:
                items.append(await reader.__anext__())
            except StopAsyncIteration:
                return
        yield tuple(items)


async def _aiter(items: Any) -> Any:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def _chunk(iterator: Iterator[Any], dump: Dump, size: int) -> tuple[list[Any], bool]:
    batch: list[Any] = []
    for item in iterator:
        batch.append(dump(item))
        if len(batch) == size:
            return batch, False
    return batch, True
