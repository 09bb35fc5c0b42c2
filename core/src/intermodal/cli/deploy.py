"""`intermodal deploy`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import click

from intermodal.cli.entrypoints import choose_app, web_functions
from intermodal.cli.failures import report
from intermodal.cli.named import environment_option
from intermodal.cli.settings import apply, setting_options
from intermodal.cli.target import import_reference, parse_reference
from intermodal.definitions.functions import Function

__all__ = ["command"]


@click.command()
@click.option("-m", "--module", "is_module", is_flag=True, help="FILE is the name of a module, as in python -m.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.option("--name", help="What the app is found by. Default: its own name.")
@click.option("--tag", default="", help="A word about this version: the hash of a commit, say.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@environment_option
@click.argument("file", metavar="FILE[::APP]")
def command(
    file: str,
    environment: str | None,
    name: str | None,
    tag: str,
    as_json: bool,
    is_module: bool,
    quiet: bool,
    backend: str | None,
    plugin: Sequence[str],
    set: Sequence[str],
) -> int:
    """Have the server (INTERMODAL_SERVER_URL) carry out an app of FILE from now on, also when this command has ended.

    The new version takes calls once its images are built and the containers of `min_containers` are up; the one before
    ends when its calls have ended. One that does not get so far changes nothing, and the command fails.

    \b
    Examples:
      intermodal deploy shop.py
      intermodal deploy shop.py::app --name shop-eu --tag $(git rev-parse --short HEAD)
      intermodal app ls
      intermodal app rollback shop
    """
    reference = parse_reference(file, is_module=is_module)
    try:
        module = import_reference(reference)
    except click.ClickException:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's top-level code raises
        return report(error)
    app = choose_app(module, reference)
    apply(backend, plugin, set, reference.directory)
    version = app.deploy(name=name, environment_name=environment, tag=tag, show_progress=False if quiet else None)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(version)))
    else:
        click.echo(f"{version.app} version {version.number} is live in environment {version.environment}")
        for label, _ in web_functions(app):
            there = Function.from_name(version.app, label, environment_name=version.environment)
            click.echo(f"{label} => {there.get_web_url()}")
    return 0


command.params[:0] = setting_options()
