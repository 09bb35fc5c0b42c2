"""`intermodal call`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from intermodal.cli.named import environment_option, show
from intermodal.cli.settings import with_settings
from intermodal.client.strangers import written_out

if TYPE_CHECKING:
    from intermodal.remote.calls import RemoteCalls

__all__ = ["command"]

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_TIMES = ("created", "ended")


@click.group()
def command() -> None:
    """Spawned calls of deployed apps, at the server (INTERMODAL_SERVER_URL). Times are UTC.

    \b
    Examples:
      intermodal call ls --app shop
      intermodal call ls --failed                (inputs that have failed wait here for somebody to look)
      intermodal call show fc-...                (its inputs, errors and tracebacks)
      intermodal call retry fc-...               (run again what has failed)
      intermodal call retry fc-... --index 3
      intermodal call cancel fc-...
    """


@command.command("ls")
@click.option("--app", metavar="APP", help="Only calls of this app.")
@click.option("--failed", is_flag=True, help="Only calls with inputs that have failed.")
@click.option("--pending", is_flag=True, help="Only calls that go on.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most.")
@_json_option
@environment_option
@with_settings
def ls(environment: str | None, app: str | None, failed: bool, pending: bool, limit: int, as_json: bool) -> None:
    """List calls, the newest first: how many of their inputs succeeded, failed, were cancelled, are pending."""
    columns = ("id", "app", "function", "state", "succeeded", "failed", "cancelled", "pending", *_TIMES)
    rows = _calls().list(environment, app, failed=failed, pending=pending, limit=limit)
    show([_readable({name: row[name] for name in columns}) for row in rows], as_json=as_json)


@command.command("show")
@click.option("--first", type=click.IntRange(0), default=0, help="Begin with this input.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many inputs at most.")
@_json_option
@environment_option
@click.argument("call")
@with_settings
def show_call(call: str, environment: str | None, first: int, limit: int, as_json: bool) -> None:
    """Show CALL: the state of each input, and what those that failed have raised."""
    found = _calls().show(call, environment, first=first, limit=limit)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    outputs = found.pop("outputs")
    for name, value in _readable(found).items():
        click.echo(f"{name:<12}{'' if value is None else value}".rstrip())
    click.echo()
    show([{name: each[name] for name in ("index", "state", "error", "message")} for each in outputs], as_json=False)
    for each in outputs:
        if each["traceback"]:
            click.echo(f"\ninput {each['index']}:\n{written_out(each['traceback'].rstrip())}")


@command.command("retry")
@click.option("--index", type=click.IntRange(0), help="Only this input.")
@environment_option
@click.argument("call")
@with_settings
def retry(call: str, environment: str | None, index: int | None) -> None:
    """Run the inputs of CALL that have failed once more. Its id stays, and the new results take the old ones' place."""
    again = _calls().retry(call, environment, index)
    click.echo(f"{call}: {len(again)} {'input runs' if len(again) == 1 else 'inputs run'} again")


@command.command("cancel")
@environment_option
@click.argument("call")
@with_settings
def cancel(call: str, environment: str | None) -> None:
    """Cancel what of CALL has no result."""
    _calls().end(call, environment)


def _calls() -> RemoteCalls:
    from intermodal.remote import calls

    return calls("`intermodal call`")


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    """With times for people."""
    return {name: _time(value) if name in (*_TIMES, "expired") else value for name, value in row.items()}


def _time(moment: float | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
