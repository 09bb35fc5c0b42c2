"""The user's function or class, made ready: its methods bound, its lifecycle known (cls.lifecycle)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from intermodal.guest.boot import Boot
from intermodal.guest.loading import definitions, load_target
from intermodal.guest.loops import run_in_loop
from intermodal.guest.work import Method
from intermodal.specs.function import MethodSpec

__all__ = ["UserCode", "load"]

Hook = Callable[[], Any]


@dataclass
class UserCode:
    """`snap_enters` run before a memory snapshot, `enters` after; `exits` at the end."""

    methods: dict[str, Method]
    snap_enters: Sequence[Hook] = field(default_factory=tuple)
    enters: Sequence[Hook] = field(default_factory=tuple)
    exits: Sequence[Hook] = field(default_factory=tuple)


def run_hooks(hooks: Iterable[Hook]) -> None:
    """Run lifecycle methods in order, async ones on the container's loop. Raises what they raise."""
    for hook in hooks:
        value = hook()
        if inspect.isawaitable(value):
            run_in_loop(value)


def load(boot: Boot) -> UserCode:
    """Import what `boot` names and bind it. Raises what the user's code raises."""
    found = load_target(boot.target, boot.code)
    return _of_class(boot, found) if boot.is_class else _of_function(boot, found)


def _of_function(boot: Boot, found: Any) -> UserCode:
    return UserCode({spec.name: _method(spec, boot.name, found) for spec in boot.methods})


def _of_class(boot: Boot, found: Any) -> UserCode:
    parameters = definitions("parameters").decode(boot.parameters)
    lifecycle = definitions("lifecycle").collect(found, parameters)
    methods = {
        spec.name: _method(spec, f"{boot.name}.{spec.name}", lifecycle.methods[spec.name]) for spec in boot.methods
    }
    return UserCode(methods, lifecycle.snap_enters, lifecycle.enters, lifecycle.exits)


def _method(spec: MethodSpec, label: str, function: Callable[..., Any]) -> Method:
    return Method(
        name=spec.name,
        label=f"{label}()",
        function=function,
        is_generator=spec.is_generator,
        is_async=spec.is_async,
        is_batched=spec.batching is not None,
    )
