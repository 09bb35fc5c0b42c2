"""The user's function or class, made ready: its methods bound, its lifecycle known (cls.lifecycle)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from intermodal.guest.boot import Boot
from intermodal.guest.loading import definitions, load_target
from intermodal.guest.loops import run_in_loop
from intermodal.guest.work import Method
from intermodal.specs.function import MethodSpec
from intermodal.specs.parameters import decode
from intermodal.specs.web import WebSpec

if TYPE_CHECKING:
    from intermodal.guest.web.serving import WebMethod

__all__ = ["UserCode", "load", "run_hooks", "start_web", "stop_web"]

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


def start_web(code: UserCode) -> None:
    """Let web methods make their apps, and the apps start up. Raises what they raise."""
    for web in _webs(code):
        run_in_loop(web.start())


def stop_web(code: UserCode) -> None:
    """Let those apps shut down. Raises what they raise."""
    for web in _webs(code):
        run_in_loop(web.stop())


def _webs(code: UserCode) -> list[WebMethod]:
    return [method.web for method in code.methods.values() if method.web is not None]


def load(boot: Boot) -> UserCode:
    """Import what `boot` names and bind it. Raises what the user's code raises."""
    found = load_target(boot.target, boot.code)
    return _of_class(boot, found) if boot.is_class else _of_function(boot, found)


def _of_function(boot: Boot, found: Any) -> UserCode:
    return UserCode({spec.name: _method(spec, boot.name, found, boot.max_inputs) for spec in boot.methods})


def _of_class(boot: Boot, found: Any) -> UserCode:
    parameters = decode(boot.parameters)
    lifecycle = definitions("lifecycle").collect(found, parameters)
    methods = {
        spec.name: _method(spec, f"{boot.name}.{spec.name}", lifecycle.methods[spec.name], boot.max_inputs)
        for spec in boot.methods
    }
    return UserCode(methods, lifecycle.snap_enters, lifecycle.enters, lifecycle.exits)


def _method(spec: MethodSpec, label: str, function: Callable[..., Any], max_inputs: int) -> Method:
    return Method(
        name=spec.name,
        label=f"{label}()",
        function=function,
        is_generator=spec.is_generator,
        is_async=spec.is_async,
        is_batched=spec.batching is not None,
        web=_web(spec.web, function, f"{label}()", max_inputs) if spec.web is not None else None,
    )


def _web(spec: WebSpec, function: Callable[..., Any], label: str, max_inputs: int) -> WebMethod:
    # Only containers of web functions pay for the import.
    from intermodal.guest.web.serving import WebMethod

    return WebMethod(spec, function, label, max_inputs)
