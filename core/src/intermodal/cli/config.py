"""`intermodal config`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from intermodal.cli.settings import with_settings
from intermodal.plugins import Config, Setting, load
from intermodal.plugins.options import render
from intermodal.plugins.shown_urls import shown_url

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def command(as_json: bool) -> None:
    """Show every setting, its value, and where that comes from.

    Later wins: [tool.intermodal] in pyproject.toml, the user's configuration file, a profile (`intermodal profile`),
    INTERMODAL_* variables, the command line.
    """
    config = Config.load()
    load(config).close()
    settings = config.settings()
    if as_json:
        rows = [
            {
                "name": item.option.name,
                "value": _shown(item),
                "origin": item.origin,
                "type": item.option.type,
                "env": item.option.env,
                "help": item.option.help,
            }
            for item in settings
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(item.option.name) for item in settings)
    for item in settings:
        click.echo(f"{item.option.name:<{width}} = {render(item.option, _shown(item))}  [{item.origin}]")
        click.echo(f"{'':<{width}}   {item.option.help}")


def _shown(item: Setting) -> Any:
    if item.option.secret and item.value:
        return "***"
    if isinstance(item.value, str):
        return shown_url(item.value)
    return str(item.value) if isinstance(item.value, Path) else item.value
