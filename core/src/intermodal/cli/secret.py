"""`intermodal secret`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from intermodal.cli.named import add_list_and_delete, environment_option
from intermodal.cli.settings import with_settings
from intermodal.definitions.naming import check_variables
from intermodal.definitions.secrets import Secret, parse_dotenv
from intermodal.exception import InvalidError

__all__ = ["command"]


@click.group()
def command() -> None:
    """Named secrets: values for the environment of containers, kept encrypted. No command shows a value.

    \b
    Examples:
      intermodal secret create database USER=captain PASSWORD=-      (reads the password from standard input)
      intermodal secret create keys --from-dotenv .env
      intermodal secret create keys --from-dotenv .env --force
      intermodal secret list
      intermodal secret delete keys
    """


class _Secrets:
    """As `NamedObjects`."""

    def rows(self, environment: str | None) -> Sequence[Mapping[str, Any]]:
        """See `NamedObjects`."""
        return [
            {"name": it.name, "created": it.created_at.isoformat(timespec="seconds"), "keys": " ".join(it.keys)}
            for it in Secret.objects.list(environment_name=environment)
        ]

    def delete(self, name: str, environment: str | None, *, allow_missing: bool) -> None:
        """See `NamedObjects`."""
        Secret.objects.delete(name, environment_name=environment, allow_missing=allow_missing)


@command.command("create")
@click.option(
    "--from-dotenv", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Variables of a .env file."
)
@click.option("--force", is_flag=True, help="Overwrite one that is there.")
@environment_option
@click.argument("name")
@click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1)
@with_settings
def create(name: str, pairs: tuple[str, ...], environment: str | None, from_dotenv: Path | None, force: bool) -> None:
    """Keep a secret. KEY=- reads the value from standard input, so that no list of processes and no history of a shell
    shows it."""
    values = _dotenv(from_dotenv) if from_dotenv else {}
    values.update(map(_pair, pairs))
    if not values:
        raise click.UsageError("a secret has at least one KEY=VALUE, or a --from-dotenv FILE that is not empty")
    Secret.objects.create(name, values, environment_name=environment, overwrite=force)


add_list_and_delete(command, "secret", _Secrets())


def _dotenv(path: Path) -> dict[str, str]:
    try:
        return parse_dotenv(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is no .env file: it is not text in UTF-8") from None


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    try:
        check_variables("secret create", [key])
    except InvalidError:
        equals = ""
    if not equals:
        # Not the word itself: it may be a value.
        raise click.UsageError(
            "a variable is written KEY=VALUE with no space in KEY, or KEY=- to read its value from standard input"
        )
    return key, sys.stdin.read().removesuffix("\n") if value == "-" else value
