"""The commands that every kind of named object has: create, list and delete."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import click

from intermodal.cli.settings import with_settings

__all__ = ["Listed", "NamedObjects", "add_commands", "add_list_and_delete", "environment_option", "show"]

F = TypeVar("F", bound=Callable[..., Any])


class Listed(Protocol):
    """One kind of named objects; `environment` None is the one that is configured."""

    def rows(self, environment: str | None) -> Sequence[Mapping[str, Any]]:
        """What to show of each: "name" first; the same keys in all."""
        ...

    def delete(self, name: str, environment: str | None, *, allow_missing: bool) -> None:
        """Remove one with all it holds. Raises `NotFoundError`."""
        ...


class NamedObjects(Listed, Protocol):
    """A kind whose objects begin empty."""

    def create(self, name: str, environment: str | None, *, allow_existing: bool) -> None:
        """Make an empty one. Raises `AlreadyExistsError`."""
        ...


def environment_option(command: F) -> F:
    """Adds `--env`, the parameter `environment`."""
    return click.option("-e", "--env", "environment", metavar="NAME", help="The environment that the name belongs to.")(
        command
    )


def add_commands(group: click.Group, word: str, objects: NamedObjects) -> None:
    """Add `create`, `list` and `delete` of the `objects` that people call `word`."""

    @group.command("create", help=f"Make an empty {word}.")
    @click.option("--allow-existing", is_flag=True, help="Succeed where there is one already.")
    @environment_option
    @click.argument("name")
    @with_settings
    def create(name: str, environment: str | None, allow_existing: bool) -> None:
        objects.create(name, environment, allow_existing=allow_existing)

    add_list_and_delete(group, word, objects)


def add_list_and_delete(group: click.Group, word: str, objects: Listed) -> None:
    """Add `list` and `delete` only."""

    @group.command("list", help=f"List every {word} of an environment.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @environment_option
    @with_settings
    def list_all(environment: str | None, as_json: bool) -> None:
        show(objects.rows(environment), as_json=as_json)

    @group.command("delete", help=f"Delete a {word} with all it holds. There is no way back.")
    @click.option("--allow-missing", is_flag=True, help="Succeed where there is none.")
    @click.option("-y", "--yes", is_flag=True, help="Do not ask.")
    @environment_option
    @click.argument("name")
    @with_settings
    def delete(name: str, environment: str | None, allow_missing: bool, yes: bool) -> None:
        if not yes:
            click.confirm(f"Delete the {word} {name!r} with all it holds?", abort=True, err=True)
        objects.delete(name, environment, allow_missing=allow_missing)


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows with the same keys: as JSON, or in columns, each row in one line."""
    if as_json:
        click.echo(json.dumps(list(rows), indent=2, default=str))
        return
    if not rows:
        return
    table = [[str(key) for key in rows[0]], *(list(map(_cell, row.values())) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    """Of several lines the first; what a terminal would obey is shown as it is written."""
    if value is None:
        return ""
    first, *more = str(value).strip().splitlines() or [""]
    text = first if first.isprintable() else repr(first)[1:-1]
    return f"{text} [...]" if more else text
