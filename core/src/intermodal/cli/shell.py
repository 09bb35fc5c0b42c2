"""`intermodal shell`."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from types import ModuleType

import click

from intermodal.cli.entrypoints import apps_of
from intermodal.cli.failures import report
from intermodal.cli.settings import apply, setting_options
from intermodal.cli.target import Reference, import_reference, parse_reference
from intermodal.definitions.app import App
from intermodal.definitions.lowering import lower
from intermodal.driver import EmbeddedSession
from intermodal.plugins.options import nearest
from intermodal.specs import FunctionSpec

__all__ = ["command"]

_SANDBOX = re.compile(r"sb-[0-9a-f]+-\d+")


@click.command()
@click.option("-m", "--module", "is_module", is_flag=True, help="FILE is the name of a module, as in python -m.")
@click.option("--cmd", default="/bin/bash", metavar="COMMAND", help="What to run.", show_default=True)
@click.argument("file", metavar="[FILE[::NAME]|SANDBOX]", required=False)
def command(
    file: str | None, is_module: bool, cmd: str, backend: str | None, plugin: tuple[str, ...], set: tuple[str, ...]
) -> int:
    """Open a shell in a container like those of a function: its image, source, environment, mounts and limits.

    NAME is a function or class of FILE; it may be left away where there is one. Without FILE the image is the default
    one. With the id of a SANDBOX that runs on this machine it is opened there. The exit code is the shell's.

    \b
    Examples:
      intermodal shell app.py::train
      intermodal shell sb-0123456789-1 --cmd /bin/sh
    """
    argv = shlex.split(cmd)
    if not argv:
        raise click.UsageError("--cmd is empty: name a program, such as --cmd /bin/sh")
    if file is not None and _SANDBOX.fullmatch(file) is not None:
        apply(backend, plugin, set)
        from intermodal.driver.sandboxes.attached import run_attached
        from intermodal.driver.sandboxes.remote import client_of

        return run_attached(client_of(file), file, argv)
    reference = None if file is None else parse_reference(file, is_module=is_module)
    apply(backend, plugin, set, None if reference is None else reference.directory)
    try:
        return _shell(reference, argv)
    except click.ClickException:
        raise
    except BaseException as error:  # noqa: BLE001 - every end is an exit code
        return report(error)


command.params[:0] = setting_options()


def _shell(reference: Reference | None, argv: list[str]) -> int:
    if reference is None:
        app, name = _default_app(), None
    else:
        app, name = _find(import_reference(reference), reference)
    lowered = lower(app)
    function = _only(lowered.app.functions, name)
    with EmbeddedSession(replace(lowered, show_progress=True)) as session:
        return session.shell(function.key, argv)


def _default_app() -> App:
    app = App("shell")
    app.function(name="shell", serialized=True, include_source=False)(lambda: None)
    return app


def _find(module: ModuleType, reference: Reference) -> tuple[App, str | None]:
    """The app that has the named function or class, by its own name or as `Class.method`."""
    apps = apps_of(module, reference.place)
    if reference.name is None:
        return apps[-1], None
    names = [registered.name for app in apps for registered in app.registered]
    wanted = reference.name if reference.name in names else reference.name.partition(".")[0]
    for app in apps:
        if wanted in (registered.name for registered in app.registered):
            return app, wanted
    raise click.UsageError(
        f"{reference.place} has no function or class {reference.name!r}{nearest(reference.name, names)}. "
        f"Names: {', '.join(names) or 'none'}"
    )


def _only(functions: tuple[FunctionSpec, ...], name: str | None) -> FunctionSpec:
    found = [function for function in functions if name in (None, function.name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(function.name for function in functions) or "none"
    raise click.UsageError(f"choose a function or class with FILE::NAME. Names: {names}")
