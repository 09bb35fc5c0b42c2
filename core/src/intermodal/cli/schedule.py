"""`intermodal schedule`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from intermodal.cli.named import environment_option, show
from intermodal.cli.settings import with_settings

if TYPE_CHECKING:
    from intermodal.remote.schedules import RemoteSchedules

__all__ = ["command"]

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """Deployed functions that run by themselves, at the server (INTERMODAL_SERVER_URL). Times are UTC.

    \b
    Examples:
      intermodal schedule ls
      intermodal schedule runs shop nightly
      intermodal schedule run shop nightly       (now, besides its times; prints the call's id)
      intermodal schedule pause shop nightly
      intermodal schedule resume shop nightly
    """


@command.command("ls")
@_json_option
@environment_option
@with_settings
def ls(environment: str | None, as_json: bool) -> None:
    """List the schedules of live versions: when each comes next, and how it ran last."""
    rows = []
    for each in _schedules().list(environment):
        last = each["last"] or {}
        rows.append(
            {
                "app": each["app"],
                "function": each["function"],
                "when": each["when"],
                "next": "paused" if each["paused"] else _time(each["next"]),
                "last": _time(last.get("started")),
                "state": last.get("state", ""),
            }
        )
    show(rows, as_json=as_json)


@command.command("runs")
@_json_option
@environment_option
@click.argument("app")
@click.argument("function")
@with_settings
def runs(app: str, function: str, environment: str | None, as_json: bool) -> None:
    """List the last runs of FUNCTION of APP, the newest first."""
    times = ("slot", "started", "ended")
    found = _schedules().runs(app, function, environment)
    columns = ("slot", "started", "ended", "state", "tries", "call", "error")
    show(
        [{name: _time(run[name]) if name in times else run[name] for name in columns} for run in found],
        as_json=as_json,
    )


@command.command("run")
@environment_option
@click.argument("app")
@click.argument("function")
@with_settings
def run(app: str, function: str, environment: str | None) -> None:
    """Run FUNCTION of APP now, besides its times, and print the call's id."""
    click.echo(_schedules().run(app, function, environment))


@command.command("pause")
@environment_option
@click.argument("app")
@click.argument("function")
@with_settings
def pause(app: str, function: str, environment: str | None) -> None:
    """Let FUNCTION of APP not run by itself, until it is resumed."""
    _schedules().pause(app, function, environment)


@command.command("resume")
@environment_option
@click.argument("app")
@click.argument("function")
@with_settings
def resume(app: str, function: str, environment: str | None) -> None:
    """Let FUNCTION of APP run by itself again, from its next time on."""
    _schedules().resume(app, function, environment)


def _schedules() -> RemoteSchedules:
    from intermodal.remote import schedules

    return schedules("`intermodal schedule`")


def _time(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
