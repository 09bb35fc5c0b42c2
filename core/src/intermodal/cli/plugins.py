"""`intermodal plugins`."""

from __future__ import annotations

import json
from typing import Any

import click

from intermodal.cli.settings import with_settings
from intermodal.plugins import Config, PluginHost, load
from intermodal.plugins.discovery import BACKENDS, installed

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def command(as_json: bool) -> None:
    """Show what is loaded, from where, which hooks each plugin implements, and which backends are installed."""
    host = load(Config.load())
    try:
        host.show_output()
        found = _describe(host)
    finally:
        host.close()
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _print(found)


def _describe(host: PluginHost) -> dict[str, Any]:
    return {
        "backend": host.config.backend,
        "backend_from": host.config.origin("backend"),
        "plugins": [
            {"name": item.name, "kind": item.kind, "source": item.source, "hooks": host.hooks_of(item)}
            for item in host.plugins
        ],
        "backends": [{"name": item.name, "distribution": item.distribution} for item in installed(BACKENDS)],
    }


def _print(found: dict[str, Any]) -> None:
    click.echo(f"Backend in use: {found['backend']}  [{found['backend_from']}]")
    click.echo("Backends installed:")
    for backend in found["backends"]:
        click.echo(f"  {backend['name']}  ({backend['distribution']})")
    click.echo("Loaded:")
    for plugin in found["plugins"]:
        click.echo(f"  {plugin['name']}  ({plugin['kind']}, {plugin['source']})")
        for hook in plugin["hooks"]:
            click.echo(f"    {hook}")
