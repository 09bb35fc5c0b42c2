"""`intermodal volume create|list|rename|delete`, and the commands for files in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from intermodal.cli import volume_files
from intermodal.cli.named import add_list_and_delete, environment_option
from intermodal.cli.settings import with_settings
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


@command.command("rename")
@click.argument("old")
@click.argument("new")
@environment_option
@with_settings
def rename(old: str, new: str, environment: str | None) -> None:
    """Give the volume OLD the name NEW. Who has it mounted keeps it."""
    from intermodal.definitions.volumes import Volume

    Volume.rename(old, new, environment_name=environment)


class _Volumes:
    """As `Listed`."""

    def rows(self, environment: str | None) -> Sequence[Mapping[str, Any]]:
        """See `Listed`."""
        from intermodal.definitions.volumes import Volume

        return [
            {"name": info.name, "created": info.created_at.isoformat(timespec="seconds"), "id": info.id}
            for info in Volume.list(environment_name=environment)
        ]

    def delete(self, name: str, environment: str | None, *, allow_missing: bool) -> None:
        """See `Listed`."""
        from intermodal.definitions.volumes import Volume

        try:
            Volume.delete(name, environment_name=environment)
        except NotFoundError:
            if not allow_missing:
                raise


add_list_and_delete(command, "volume", _Volumes())
for _each in (volume_files.list_files, volume_files.put, volume_files.get, volume_files.copy, volume_files.remove):
    command.add_command(_each)
