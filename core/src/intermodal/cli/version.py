"""`intermodal version`."""

from __future__ import annotations

import json
import platform
from importlib.metadata import distributions

import click

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show the versions of what is installed."""
    versions = {"python": platform.python_version()}
    for distribution in distributions():
        if distribution.name.startswith("intermodal"):
            versions[distribution.name] = distribution.version
    if as_json:
        click.echo(json.dumps(versions))
        return
    for name, version in sorted(versions.items()):
        click.echo(f"{name} {version}")
