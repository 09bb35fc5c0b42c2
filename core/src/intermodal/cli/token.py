"""`intermodal token`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from intermodal.cli.settings import with_settings
from intermodal.plugins import Config
from intermodal.plugins.extras import needing

if TYPE_CHECKING:
    from intermodal.server.access import Tokens

__all__ = ["command"]


@click.group()
def command() -> None:
    """What opens a server for clients. For who may read and write the server's data directory, and its database
    where that is elsewhere (INTERMODAL_DATABASE_URL).

    \b
    Examples:
      intermodal token create laptop       (prints the token, once: give it to the client as INTERMODAL_TOKEN)
      intermodal token ls
      intermodal token revoke laptop
    """


@command.command("create")
@click.argument("name")
@with_settings
def create(name: str) -> None:
    """Print a new token. It cannot be shown again."""
    click.echo(_tokens().create(name))


@command.command("revoke")
@click.argument("name")
@with_settings
def revoke(name: str) -> None:
    """Let a token open nothing any more."""
    _tokens().revoke(name)


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@with_settings
def ls(as_json: bool) -> None:
    """List names, and when each token was made."""
    rows = [
        {"name": it.name, "created": datetime.fromtimestamp(it.created, UTC).isoformat(timespec="seconds")}
        for it in _tokens().list()
    ]
    if as_json:
        click.echo(json.dumps(rows))
    for row in rows if not as_json else ():
        click.echo(f"{row['created']}  {row['name']}")


def _tokens() -> Tokens:
    with needing("server", "`intermodal token`"):
        from intermodal.server.access import Tokens
        from intermodal.server.database import open_database
    config = Config.load()
    return Tokens(open_database(config.data_dir, config.get("database_url")))
