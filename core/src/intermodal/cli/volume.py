"""`intermodal volume create|list|rename|delete`, and the commands for files in them."""

from __future__ import annotations

import json
from typing import Any

import click

from intermodal.cli import volume_files
from intermodal.cli.settings import with_settings
from intermodal.cli.volume_files import environment_option
from intermodal.exception import NotFoundError

__all__ = ["command"]


@click.group()
def command() -> None:
    """Make, list and fill volumes, and fetch what is in them.

    \b
    Examples:
      intermodal volume create models
      intermodal volume put models ./weights /llama
      intermodal volume ls models /llama
      intermodal volume get models /llama/config.json .
    """


@command.command("create")
@click.argument("name")
@environment_option
@with_settings
def create(name: str, environment: str | None) -> None:
    """Make an empty volume NAME. It may exist already."""
    from intermodal.definitions.volumes import Volume

    Volume.from_name(name, environment_name=environment, create_if_missing=True).listdir("/")
    click.echo(f"volume {name}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@environment_option
@with_settings
def list_all(as_json: bool, environment: str | None) -> None:
    """List the volumes of an environment."""
    rows = _names(environment)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['created']}  {row['name']}")


@command.command("rename")
@click.argument("old")
@click.argument("new")
@environment_option
@with_settings
def rename(old: str, new: str, environment: str | None) -> None:
    """Give the volume OLD the name NEW. Who has it mounted keeps it."""
    from intermodal.definitions.volumes import Volume

    Volume.rename(old, new, environment_name=environment)


@command.command("delete")
@click.option("--allow-missing", is_flag=True, help="Succeed where there is none.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.argument("name")
@environment_option
@with_settings
def delete(name: str, yes: bool, allow_missing: bool, environment: str | None) -> None:
    """Delete the volume NAME with all it holds. There is no way back."""
    from intermodal.definitions.volumes import Volume

    if not yes:
        click.confirm(f"Delete the volume {name!r} with all it holds?", abort=True, err=True)
    try:
        Volume.delete(name, environment_name=environment)
    except NotFoundError:
        if not allow_missing:
            raise


def _names(environment: str | None) -> list[dict[str, Any]]:
    from intermodal.definitions.volumes import Volume

    return [
        {"name": info.name, "id": info.id, "created": info.created_at.isoformat(timespec="seconds")}
        for info in Volume.list(environment_name=environment)
    ]


for _each in (volume_files.list_files, volume_files.put, volume_files.get, volume_files.copy, volume_files.remove):
    command.add_command(_each)
