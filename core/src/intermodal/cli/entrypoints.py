"""Which function `intermodal run` starts: the named one, the only local entrypoint, or the only function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import click

from intermodal import App
from intermodal.cli.target import Reference
from intermodal.plugins.options import nearest

__all__ = ["Runnable", "choose"]


@dataclass(frozen=True, slots=True)
class Runnable:
    """Something that the command line can start. `raw` has the parameters; `call` runs it, in a container unless
    `local`.
    """

    name: str
    app: App
    raw: Callable[..., Any]
    call: Callable[..., Any]
    local: bool


def choose(module: ModuleType, reference: Reference) -> Runnable:
    """The runnable of `module` that `reference` means. Raises `click.UsageError` listing what there is."""
    apps = _apps(module)
    if not apps:
        raise click.UsageError(f"{reference.place} has no app: make one at its top level, app = intermodal.App(...)")
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


def _apps(module: ModuleType) -> list[App]:
    """The apps of a module; one that includes others comes last, so that it is the one that runs their functions."""
    found = {id(value): value for value in vars(module).values() if isinstance(value, App)}
    return sorted(found.values(), key=lambda app: len(app.registered_functions))


def _runnables(app: App) -> Iterator[Runnable]:
    for name, entrypoint in app.registered_entrypoints.items():
        yield Runnable(name, app, entrypoint.raw, entrypoint.raw, local=True)
    for name, function in app.registered_functions.items():
        yield Runnable(name, app, function.raw, function.remote, local=False)
