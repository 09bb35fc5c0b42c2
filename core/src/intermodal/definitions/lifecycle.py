"""The parts of a user's class: hooks in order, methods, parameters; and one live object of it (cls.lifecycle)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from intermodal.definitions.parameters import Parameter, parameters_of, validated
from intermodal.definitions.partial import Partial
from intermodal.exception import InvalidError

__all__ = ["Lifecycle", "Parts", "collect", "instantiate", "parts_of"]


@dataclass(frozen=True)
class Parts:
    """A class as declared. Functions are raw and take the instance first."""

    snap_enters: tuple[Callable[..., Any], ...]
    enters: tuple[Callable[..., Any], ...]
    exits: tuple[Callable[..., Any], ...]
    methods: dict[str, Partial[Any, Any]]
    parameters: dict[str, Parameter]


@dataclass(frozen=True)
class Lifecycle:
    """One object in a container. Hooks and methods are bound and take no instance; async ones return awaitables."""

    instance: Any
    snap_enters: tuple[Callable[[], Any], ...]
    enters: tuple[Callable[[], Any], ...]
    exits: tuple[Callable[[], Any], ...]
    methods: dict[str, Callable[..., Any]]


def parts_of(cls: type) -> Parts:
    """Hooks and methods, base class first, then as defined. An overridden one keeps its base's place."""
    found: dict[str, Partial[Any, Any]] = {}
    for klass in reversed(cls.__mro__):
        for name, value in vars(klass).items():
            if isinstance(value, Partial):
                found[name] = value
            elif name in found:
                del found[name]
    return Parts(
        snap_enters=tuple(each.raw for each in found.values() if each.enter == "snap"),
        enters=tuple(each.raw for each in found.values() if each.enter == "plain"),
        exits=tuple(each.raw for each in found.values() if each.exit),
        methods={name: each for name, each in found.items() if each.callable_remotely},
        parameters=parameters_of(cls),
    )


def instantiate(cls: type[Any], parameters: Mapping[str, Any]) -> Any:
    """A new object with its parameters set; no hook has run.

    Raises:
        InvalidError: a parameter is wrong, or `__init__` wants arguments of its own.
    """
    values = validated(cls, parameters)
    check_constructor(cls)
    instance: Any = cls.__new__(cls)  # type: ignore[call-overload]
    for name, value in values.items():
        setattr(instance, name, value)
    instance.__init__()
    return instance


def check_constructor(cls: type) -> None:
    """Raises `InvalidError` where `__init__` takes arguments: parameters are declared, not constructed."""
    if cls.__init__ is object.__init__:  # type: ignore[misc]
        return
    own = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    if any(each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in own):
        raise InvalidError(
            f"{cls.__name__}.__init__ takes arguments: declare them as `name: str = intermodal.parameter()`, and set "
            "up the object in a method decorated with @intermodal.enter()"
        )


def collect(cls: type, parameters: Mapping[str, Any] | None = None) -> Lifecycle:
    """Make one object of the raw class `cls` and bind what belongs to it. Runs no hook."""
    parts = parts_of(cls)
    instance = instantiate(cls, parameters or {})
    return Lifecycle(
        instance,
        _bound(parts.snap_enters, instance),
        _bound(parts.enters, instance),
        _bound(parts.exits, instance),
        {name: each.raw.__get__(instance) for name, each in parts.methods.items()},
    )


def _bound(functions: tuple[Callable[..., Any], ...], instance: Any) -> tuple[Callable[[], Any], ...]:
    return tuple(each.__get__(instance) for each in functions)
