"""The options that every command has: which backend, which plugins, any setting. They are the strongest layer of
configuration.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from intermodal.plugins.config import add_core_options, set_command_line
from intermodal.plugins.options import Options, render

__all__ = ["apply", "setting_options", "with_settings"]

F = TypeVar("F", bound=Callable[..., Any])


def setting_options() -> list[click.Option]:
    """New `--backend`, `-p` and `--set` options."""
    return [
        click.Option(["--backend"], metavar="NAME", help="The backend that carries it out."),
        click.Option(
            ["-p", "--plugin"],
            multiple=True,
            metavar="NAME",
            help="Load a plugin; `no:NAME` keeps one out. Repeatable.",
        ),
        click.Option(
            ["--set"],
            multiple=True,
            metavar="KEY=VALUE",
            help="Any setting, as `intermodal config` lists them. Repeatable.",
        ),
    ]


def with_settings(command: F) -> F:
    """Give a command the options, applied before it runs (the search for a project starts in the current directory)."""

    @functools.wraps(command)
    def run(*args: Any, backend: str | None, plugin: Sequence[str], set: Sequence[str], **kwargs: Any) -> Any:
        apply(backend, plugin, set)
        return command(*args, **kwargs)

    run.__click_params__ = [*setting_options(), *getattr(command, "__click_params__", [])]  # type: ignore[attr-defined]
    return run  # type: ignore[return-value]


def apply(backend: str | None, plugins: Sequence[str], settings: Sequence[str], start: Path | None = None) -> None:
    """Make them the command line's layer for every session of this process. Raises `click.UsageError`."""
    values: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes KEY=VALUE, not {setting!r}: for example --set data_dir=/data")
        values[key.strip()] = value
    if backend is not None:
        values["backend"] = backend
    if plugins:
        options = Options()
        add_core_options(options, {})
        values["plugins"] = render(options.get("plugins"), tuple(plugins))
    set_command_line(values, start)
