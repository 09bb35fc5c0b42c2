"""`intermodal environment`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from intermodal.cli.named import show
from intermodal.cli.settings import with_settings

if TYPE_CHECKING:
    from intermodal.remote.environments import RemoteEnvironments

__all__ = ["command"]


@click.group()
def command() -> None:
    """Environments of the server (INTERMODAL_SERVER_URL): apps, secrets, volumes, queues and dicts in one are not found
    in another. The server's own one is always there. INTERMODAL_ENVIRONMENT or --env chooses.

    \b
    Examples:
      intermodal environment create staging --description "what goes live on Monday"
      intermodal environment ls
      intermodal deploy shop.py --env staging
      intermodal environment delete staging
    """


@command.command("create")
@click.option("--description", default="", help="What it is for, in a line.")
@click.argument("name")
@with_settings
def create(name: str, description: str) -> None:
    """Make the environment NAME."""
    _environments().create(name, description)


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def ls(as_json: bool) -> None:
    """List the environments, and how many apps are live in each."""
    rows = [
        {
            "name": each["name"],
            "apps": each["apps"],
            "created": _time(each["created"]),
            "description": each["description"],
        }
        for each in _environments().list()
    ]
    show(rows, as_json=as_json)


@command.command("delete")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Stop the apps that are live in it.")
@click.argument("name")
@with_settings
def delete(name: str, yes: bool, force: bool) -> None:
    """Remove the environment NAME; refused while apps are live in it. What is stored under its names stays, and is
    found again where the environment is made anew.
    """
    environments = _environments()
    if not yes:
        environments.check_removable(name)
        click.confirm(f"Delete the environment {name!r}?", abort=True, err=True)
    environments.delete(name, stop=force)


def _environments() -> RemoteEnvironments:
    from intermodal.remote import environments

    return environments("`intermodal environment`")


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds") if moment else ""
