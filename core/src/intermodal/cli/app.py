"""`intermodal app`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from intermodal.cli.app_logs import logs
from intermodal.cli.named import environment_option, show
from intermodal.cli.settings import with_settings

if TYPE_CHECKING:
    from intermodal.remote.deployed_apps import Deploying

__all__ = ["command"]


@click.group()
def command() -> None:
    """Apps of the server (INTERMODAL_SERVER_URL) that stay without a client: `intermodal deploy FILE` makes them, and
    `intermodal run --detach FILE` for as long as their calls run. The output of all.

    \b
    Examples:
      intermodal app ls
      intermodal app history shop
      intermodal app stats shop
      intermodal app rollback shop       (deploys the version before the live one anew)
      intermodal app rollback shop 3
      intermodal app stop shop
      intermodal app stop ap-5f3a9c01d2  (a detached one, by its id)
      intermodal app logs shop --follow --search Traceback
    """


command.add_command(logs)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@command.command("ls")
@_json_option
@environment_option
@with_settings
def ls(environment: str | None, as_json: bool) -> None:
    """List the apps of an environment: of each its live version, or the last one it had; and those that are detached,
    with their ids."""
    show(_rows(_deploying().list(environment), ("app", "number", "state", "tag", "changed", "id")), as_json=as_json)


@command.command("history")
@_json_option
@environment_option
@click.argument("app")
@with_settings
def history(app: str, environment: str | None, as_json: bool) -> None:
    """List the versions of APP, the oldest first: who deployed each, and what became of it."""
    columns = ("number", "state", "tag", "copy_of", "author", "client", "created", "changed", "error")
    show(_rows(_deploying().history(app, environment), columns), as_json=as_json)


@command.command("stats")
@_json_option
@environment_option
@click.argument("app")
@with_settings
def stats(app: str, environment: str | None, as_json: bool) -> None:
    """Show what each function of APP has to do now, and how its calls of the last hour went.

    Inputs that wait and run, containers, calls; inputs that failed, and what half and 95 % of the calls took at most.
    """
    rows = _deploying().stats(app, environment)
    if not as_json:
        rows = [{name: _short(name, value) for name, value in row.items()} for row in rows]
    show(rows, as_json=as_json)


@command.command("rollback")
@environment_option
@click.argument("app")
@click.argument("number", type=click.IntRange(1), required=False)
@with_settings
def rollback(app: str, number: int | None, environment: str | None) -> None:
    """Deploy an earlier version of APP anew, as its next one: NUMBER, or the last that took calls before the live one.

    Rolled back again, an app goes further back.
    """
    row = _deploying().rollback(app, number, environment)
    click.echo(
        f"{row['app']} version {row['number']} is live in environment {row['environment']}, a copy of "
        f"version {row['copy_of']}"
    )


@command.command("stop")
@environment_option
@click.argument("app")
@with_settings
def stop(app: str, environment: str | None) -> None:
    """End APP: what runs gets its grace period. Its versions stay, to roll back to.

    APP is a name, or the id that `intermodal app ls` has for a detached app. A name that a deployed app has means that
    one.
    """
    _deploying().stop(app, environment)


def _deploying() -> Deploying:
    from intermodal.remote import deploying

    return deploying("`intermodal app`")


def _rows(versions: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{column: _shown(column, version[column]) for column in columns} for version in versions]


def _short(name: str, value: Any) -> Any:
    return f"{value:.3g}" if name.endswith("_s") and value is not None else value


def _shown(column: str, value: Any) -> Any:
    if column in ("created", "changed"):
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    return value
