"""`dual` methods: one `async def`, called plainly it blocks, at `.aio` it is a coroutine or an async iterator.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from intermodal.client.completion import run_async, run_sync

__all__ = ["Dual", "DualStream", "dual", "dual_classmethod", "dual_stream", "dual_stream_classmethod"]

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


class Dual(Generic[P, R]):
    """A bound operation with a sync call and an async twin."""

    def __init__(self, implementation: Callable[P, Coroutine[Any, Any, R]]) -> None:
        self.__wrapped__ = implementation
        self.__doc__, self.__name__ = _described(implementation)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        __tracebackhide__ = True
        return run_sync(self.__wrapped__(*args, **kwargs))

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """The async twin."""
        return run_async(self.__wrapped__(*args, **kwargs))


class DualStream(Generic[P, R]):
    """A bound operation that yields: a sync iterator, and an async one at `.aio`."""

    def __init__(self, implementation: Callable[P, AsyncGenerator[R, None]]) -> None:
        self.__wrapped__ = implementation
        self.__doc__, self.__name__ = _described(implementation)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        return iterate_sync(self.__wrapped__(*args, **kwargs))

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R]:
        """The async twin."""
        return iterate_async(self.__wrapped__(*args, **kwargs))


def _described(implementation: Any) -> tuple[str | None, str]:
    """Docstring and name of what is called, also through the `partial` that binds a method."""
    origin = getattr(implementation, "func", implementation)
    return origin.__doc__, origin.__name__


def iterate_sync(stream: AsyncGenerator[R, None]) -> Iterator[R]:
    """Iterate a generator that awaits only completions, blocking this thread; closing it closes the generator."""
    __tracebackhide__ = True
    try:
        while True:
            try:
                item = run_sync(stream.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run_sync(stream.aclose())


async def iterate_async(stream: AsyncGenerator[R, None]) -> AsyncIterator[R]:
    """The same on the caller's event loop."""
    __tracebackhide__ = True
    try:
        while True:
            try:
                item = await run_async(stream.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        await run_async(stream.aclose())


class _DualMethod(Generic[S, P, R]):
    def __init__(self, implementation: Callable[Concatenate[S, P], Coroutine[Any, Any, R]]) -> None:
        self.__wrapped__ = implementation
        self.__doc__ = implementation.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> _DualMethod[S, P, R]: ...
    @overload
    def __get__(self, instance: S, owner: type | None = None) -> Dual[P, R]: ...
    def __get__(self, instance: S | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        return Dual(functools.partial(self.__wrapped__, instance))

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        return run_sync(self.__wrapped__(*args, **kwargs))


class _DualStreamMethod(Generic[S, P, R]):
    def __init__(self, implementation: Callable[Concatenate[S, P], AsyncGenerator[R, None]]) -> None:
        self.__wrapped__ = implementation
        self.__doc__ = implementation.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> _DualStreamMethod[S, P, R]: ...
    @overload
    def __get__(self, instance: S, owner: type | None = None) -> DualStream[P, R]: ...
    def __get__(self, instance: S | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        return DualStream(functools.partial(self.__wrapped__, instance))


class _DualClassMethod(Generic[P, R]):
    def __init__(self, implementation: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> None:
        self.__wrapped__ = implementation
        self.__doc__ = implementation.__doc__

    def __get__(self, instance: object, owner: type) -> Dual[P, R]:
        return Dual(functools.partial(self.__wrapped__, owner))


class _DualStreamClassMethod(Generic[P, R]):
    def __init__(self, implementation: Callable[Concatenate[Any, P], AsyncGenerator[R, None]]) -> None:
        self.__wrapped__ = implementation
        self.__doc__ = implementation.__doc__

    def __get__(self, instance: object, owner: type) -> DualStream[P, R]:
        return DualStream(functools.partial(self.__wrapped__, owner))


def dual(implementation: Callable[Concatenate[S, P], Coroutine[Any, Any, R]]) -> _DualMethod[S, P, R]:
    """Decorate an `async def` method that awaits only completions (or other such coroutines)."""
    return _DualMethod(implementation)


def dual_classmethod(implementation: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> _DualClassMethod[P, R]:
    """The same for what is called on the class, and gets it first."""
    return _DualClassMethod(implementation)


def dual_stream(implementation: Callable[Concatenate[S, P], AsyncGenerator[R, None]]) -> _DualStreamMethod[S, P, R]:
    """Decorate an async generator method that awaits only completions."""
    return _DualStreamMethod(implementation)


def dual_stream_classmethod(
    implementation: Callable[Concatenate[Any, P], AsyncGenerator[R, None]],
) -> _DualStreamClassMethod[P, R]:
    """The same for what is called on the class, and gets it first."""
    return _DualStreamClassMethod(implementation)
