"""Which function `intermodal run` starts: the named one, the only local entrypoint, or the only function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import click

from intermodal.cli.arguments import Signature, signature_of
from intermodal.cli.target import Reference
from intermodal.definitions.app import App
from intermodal.definitions.classes import Cls
from intermodal.definitions.functions import Function
from intermodal.definitions.lifecycle import parts_of
from intermodal.definitions.parameters import parameters_of
from intermodal.plugins.options import nearest

__all__ = ["Runnable", "apps_of", "choose", "choose_app", "web_functions"]


@dataclass(frozen=True, slots=True)
class Runnable:
    """Something that the command line can start, in a container unless `local`. `call` gets the values by parameter."""

    name: str
    app: App
    signature: Callable[[], Signature]
    call: Callable[..., Any]
    local: bool


def choose(module: ModuleType, reference: Reference) -> Runnable:
    """The runnable of `module` that `reference` means. Raises `click.UsageError` listing what there is."""
    apps = apps_of(module, reference.place)
    runnables = {item.name: item for app in apps for item in _runnables(app)}
    if not runnables:
        raise click.UsageError(
            f"{reference.place} has an app without functions: put @app.function() or @app.local_entrypoint() above one"
        )
    if reference.name is not None:
        return _named(runnables, reference.name, reference.place)
    entrypoints = [item for item in runnables.values() if item.local]
    for group in (entrypoints, list(runnables.values())):
        if len(group) == 1:
            return group[0]
    names = ", ".join(item.name for item in (entrypoints or runnables.values()))
    kind = "local entrypoints" if entrypoints else "functions"
    raise click.UsageError(
        f"{reference.place} has several {kind}: choose one with {reference.place}::NAME. Names: {names}"
    )


def _named(runnables: dict[str, Runnable], name: str, place: str) -> Runnable:
    found = runnables.get(name) or runnables.get(name.partition(".")[2])
    if found is None:
        names = ", ".join(runnables)
        raise click.UsageError(
            f"{place} has no function or entrypoint {name!r}{nearest(name, runnables)}. Names: {names}"
        )
    return found


def apps_of(module: ModuleType, place: str) -> list[App]:
    """The apps of a module; one that includes others comes last, so that it is the one that runs their functions.

    Raises `click.UsageError` where there is none.
    """
    found = {id(value): value for value in vars(module).values() if isinstance(value, App)}
    if not found:
        raise click.UsageError(f"{place} has no app: make one at its top level, app = intermodal.App(...)")
    return sorted(found.values(), key=lambda app: len(app.registered))


def choose_app(module: ModuleType, reference: Reference) -> App:
    """The app that is named, else the only one, or the one that includes the others. Raises `click.UsageError`."""
    apps = apps_of(module, reference.place)
    if reference.name is None:
        if any(not set(app.registered) <= set(apps[-1].registered) for app in apps):
            known = [name for name, value in vars(module).items() if isinstance(value, App)]
            raise click.UsageError(
                f"{reference.place} has several apps: choose one with {reference.place}::NAME. Apps: {', '.join(known)}"
            )
        return apps[-1]
    found = getattr(module, reference.name, None)
    if not isinstance(found, App):
        names = ", ".join(name for name, value in vars(module).items() if isinstance(value, App))
        raise click.UsageError(f"{reference.place} has no app {reference.name!r}. Apps: {names}")
    return found


def web_functions(app: App) -> Iterator[tuple[str, Function[..., Any]]]:
    """The web functions of an app, and those of classes that need no parameters, as `Function.from_name` has them."""
    for name, function in app.registered_functions.items():
        if function.partial.web is not None:
            yield name, function
    for name, cls in app.registered_classes.items():
        required = any(each.required for each in parameters_of(cls.raw).values())
        for method in cls.methods():
            if method.web is not None and not required:
                yield f"{name}.{method.name}", cls().method(method.name)


def _runnables(app: App) -> Iterator[Runnable]:
    for name, entrypoint in app.registered_entrypoints.items():
        yield Runnable(name, app, partial(signature_of, entrypoint.raw, name), entrypoint.raw, local=True)
    for name, function in app.registered_functions.items():
        yield Runnable(name, app, partial(signature_of, function.raw, name), partial(_start, function), local=False)
    for label, cls in app.registered_classes.items():
        for method in cls.methods():
            name = f"{label}.{method.name}"
            signature = partial(_method_signature, cls, method.name, name)
            yield Runnable(name, app, signature, partial(_start_method, cls, method.name), local=False)


def _start(function: Function[..., Any], **values: Any) -> Any:
    return function.remote_gen(**values) if function.is_generator else function.remote(**values)


def _method_signature(cls: Cls[Any], method: str, name: str) -> Signature:
    """The method's parameters, then those of the class as keywords."""
    own = signature_of(parts_of(cls.raw).methods[method].raw, name, 1)
    declared = tuple(
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.required else each.default,
            annotation=each.type,
        )
        for each in parameters_of(cls.raw).values()
        if each.init
    )
    return Signature((*own.parameters, *declared), own.doc)


def _start_method(cls: Cls[Any], method: str, **values: Any) -> Any:
    names = {name for name, each in parameters_of(cls.raw).items() if each.init}
    instance = cls(**{name: value for name, value in values.items() if name in names})
    rest = {name: value for name, value in values.items() if name not in names}
    return _start(instance.method(method), **rest)
