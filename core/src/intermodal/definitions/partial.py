"""Decorators of functions and methods: `method`, `enter`, `exit`, `batched`, `concurrent`.

Each returns a `Partial`: the raw function and what was said about it. `@app.function()` and `@app.cls()` read it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

from intermodal.client.checking import checked
from intermodal.exception import InvalidError
from intermodal.specs import BatchPolicy, WebSpec

if TYPE_CHECKING:
    from intermodal.definitions.functions import Function

__all__ = ["Concurrency", "Declared", "Partial", "batched", "concurrency_of", "concurrent", "enter", "exit", "method"]

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

MAX_BATCH = 1000
MAX_WAIT_MS = 600_000
#: Where `@concurrent` on a class leaves its limits, and `@app.cls` the Cls.
CONCURRENCY, CLS = "_intermodal_concurrency", "_intermodal_cls"


@dataclass(frozen=True)
class Concurrency:
    """conc.inputs: at most `max_inputs` at once in one container; scaling aims at `target_inputs`."""

    max_inputs: int
    target_inputs: int | None = None


@dataclass(frozen=True, eq=False)
class Declared:
    """A raw function with what decorators said about it."""

    raw: Callable[..., Any]
    enter: Literal["", "plain", "snap"] = ""
    exit: bool = False
    method: bool = False
    batching: BatchPolicy | None = None
    concurrency: Concurrency | None = None
    web: WebSpec | None = None
    generator: bool | None = None

    @property
    def callable_remotely(self) -> bool:
        """True for methods, false for lifecycle hooks."""
        return not self.enter and not self.exit

    @property
    def is_generator(self) -> bool:
        """gen.stream: it yields."""
        if self.generator is not None:
            return self.generator
        return inspect.isgeneratorfunction(self.raw) or inspect.isasyncgenfunction(self.raw)

    @property
    def is_async(self) -> bool:
        """It runs on an event loop."""
        return inspect.iscoroutinefunction(self.raw) or inspect.isasyncgenfunction(self.raw)


class Partial(Declared, Generic[P, R]):
    """The same where decorators leave it; in a class it is the method's descriptor."""

    @overload
    def __get__(self, instance: None, owner: type) -> Partial[P, R]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> Function[P, R]: ...
    def __get__(self, instance: object | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if not self.callable_remotely:
            return self.raw.__get__(instance)
        return InstanceMethod(instance, self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = getattr(self.raw, "__name__", "the function")
        raise InvalidError(
            f"{name!r} is decorated for a container but not registered: put @app.function() on the line above (the "
            "outermost decorator), or @app.cls() on its class"
        )


class InstanceMethod:
    """A decorated method of a real instance, as code inside the class sees it: `self.m(x)` and `self.m.local(x)` run
    here, `self.m.remote(x)` in a container of the same class with the same parameters."""

    def __init__(self, instance: object, partial: Partial[Any, Any]) -> None:
        self._instance = instance
        self._partial = partial

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._partial.raw(self._instance, *args, **kwargs)

    local = __call__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        kind = type(self._instance)
        registered = vars(kind).get(CLS)
        method = getattr(self._partial.raw, "__name__", "")
        if registered is None:
            raise InvalidError(f"{kind.__name__}.{method}.{name} needs the class registered: put @app.cls() on it")
        return getattr(registered.like(self._instance).method(method), name)


class _MethodDecorator(Protocol):
    """What `@method()` makes of what another decorator left, and of each kind of method."""

    @overload
    def __call__(self, function: Partial[P, R]) -> Partial[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> Partial[P, R]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Any, P], R]) -> Partial[P, R]: ...


@checked
def method(*, is_generator: bool | None = None) -> _MethodDecorator:
    """Make a method of an `@app.cls` class callable with `.remote()` and the rest.

    Args:
        is_generator: whether it yields; found out by itself for plain generator functions.
    """

    def decorate(function: Any) -> Any:
        if isinstance(function, Partial):
            return replace(function, method=True, generator=is_generator)
        _raw("method", function)
        return Partial(function, method=True, generator=is_generator)

    return decorate


@checked
def enter(*, snap: bool = False) -> Callable[[Callable[[Any], Any]], Partial[[], Any]]:
    """Run this method once when a container starts (cls.lifecycle). `snap=True`: before a memory snapshot is taken."""

    def decorate(function: Any) -> Any:
        _raw("enter", function)
        return Partial(function, enter="snap" if snap else "plain")

    return decorate


@checked
def exit() -> Callable[[Callable[..., Any]], Partial[[], Any]]:
    """Run this method when a container stops, after its inputs have finished (cls.exit-grace)."""

    def decorate(function: Any) -> Any:
        _raw("exit", function)
        return Partial(function, exit=True)

    return decorate


@checked
def batched(*, max_batch_size: int, wait_ms: int) -> Callable[[Callable[..., Any]], Any]:
    """Gather single inputs into lists for one call of the function or method (batch.form).

    Args:
        max_batch_size: a batch closes at this many inputs; 1 to 1000.
        wait_ms: or when its oldest input has waited this many milliseconds; at most 600,000.
    """
    policy = batch_policy(max_batch_size, wait_ms)

    def decorate(function: Any) -> Any:
        if isinstance(function, Partial):
            checked_batch(function)
            return replace(function, batching=policy)
        _raw("batched", function)
        partial: Partial[Any, Any] = Partial(function, batching=policy, method=True)
        checked_batch(partial)
        return partial

    return decorate


def batch_policy(max_batch_size: int, wait_ms: int) -> BatchPolicy:
    """Checked limits (batch.form). Raises `InvalidError`."""
    if not 1 <= max_batch_size <= MAX_BATCH:
        raise InvalidError(f"max_batch_size={max_batch_size} must be a whole number from 1 to {MAX_BATCH}")
    if not 0 <= wait_ms <= MAX_WAIT_MS:
        raise InvalidError(f"wait_ms={wait_ms} must be milliseconds from 0 to {MAX_WAIT_MS} (10 minutes)")
    return BatchPolicy(max_size=max_batch_size, wait_s=wait_ms / 1000)


def checked_batch(partial: Declared) -> None:
    """Raises `InvalidError` for generators and for arguments with defaults (batch.errors)."""
    name = getattr(partial.raw, "__name__", "the function")
    if partial.is_generator:
        raise InvalidError(f"{name!r} cannot be batched: it is a generator; return a list with one element per input")
    for each in inspect.signature(partial.raw).parameters.values():
        if each.default is not each.empty:
            raise InvalidError(
                f"{name!r} cannot be batched: its argument {each.name!r} has a default; each argument of a batched "
                "function is a list with one element per input, so every caller must give it"
            )


class _ConcurrentDecorator(Protocol):
    """What `@concurrent` makes of a class, of what another decorator left, and of a plain function."""

    @overload
    def __call__(self, target: C) -> C: ...  # type: ignore[overload-overlap]  # classes are callable too
    @overload
    def __call__(self, target: Partial[P, R]) -> Partial[P, R]: ...
    @overload
    def __call__(self, target: Callable[P, Coroutine[Any, Any, R]]) -> Partial[P, R]: ...
    @overload
    def __call__(self, target: Callable[P, R]) -> Partial[P, R]: ...


@checked
def concurrent(*, max_inputs: int | None = None, target_inputs: int | None = None) -> _ConcurrentDecorator:
    """Run up to `max_inputs` inputs at once in each container (conc.inputs). On a function or a class.

    Args:
        max_inputs: never more than this at once.
        target_inputs: what scaling aims at; default: `max_inputs`.
    """
    limits = concurrency(max_inputs, target_inputs)

    def decorate(target: Any) -> Any:
        if isinstance(target, type):
            setattr(target, CONCURRENCY, limits)
            return target
        if isinstance(target, Partial):
            return replace(target, concurrency=limits)
        _raw("concurrent", target)
        return Partial(target, concurrency=limits)

    return decorate


def concurrency(max_inputs: int | None, target_inputs: int | None = None) -> Concurrency:
    """Checked limits. Raises `InvalidError`."""
    if max_inputs is None or max_inputs < 1:
        raise InvalidError(f"concurrent(max_inputs={max_inputs!r}) must be a whole number of at least 1")
    if target_inputs is not None and not 1 <= target_inputs <= max_inputs:
        raise InvalidError(f"concurrent(target_inputs={target_inputs!r}) must be from 1 to max_inputs ({max_inputs})")
    return Concurrency(max_inputs, target_inputs)


def concurrency_of(cls: type) -> Concurrency | None:
    """What `@concurrent` said about this very class."""
    found = vars(cls).get(CONCURRENCY)
    return found if isinstance(found, Concurrency) else None


def _raw(name: str, function: Any) -> None:
    if isinstance(function, type) or not callable(function) or hasattr(type(function), "remote"):
        what = (
            "a class"
            if isinstance(function, type)
            else "a registered function"
            if callable(function)
            else "no function"
        )
        raise InvalidError(
            f"@intermodal.{name}() got {what}: put it directly on the `def`, below @app.function() or inside an "
            "@app.cls() class"
        )
