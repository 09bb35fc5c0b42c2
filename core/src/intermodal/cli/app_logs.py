"""`intermodal app logs`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

from intermodal.builtin.logs import write
from intermodal.cli.named import environment_option
from intermodal.cli.quantities import moment
from intermodal.cli.settings import with_settings
from intermodal.client.strangers import written_out
from intermodal.exception import NotFoundError
from intermodal.plugins import Config
from intermodal.remote.logs import RemoteLogs

__all__ = ["logs"]

#: What stands before lines about what happened, by the numbers of the standard library's logging.
_LEVELS = {30: "warning", 40: "error"}


@click.command()
@click.argument("app")
@click.option("-f", "--follow", is_flag=True, help="Go on with lines as they come, until Ctrl-C.")
@click.option("-n", "--lines", "count", type=click.IntRange(0, 10_000), help="The newest so many; 100.")
@click.option("--function", metavar="NAME", help="Lines of one function.")
@click.option("--container", metavar="ID", help="Lines of one container.")
@click.option("--call", metavar="ID", help="Lines that one call printed.")
@click.option("--since", metavar="TIME", help="Lines of 90s, 15m, 2h, 3d ago and later, or since a time.")
@click.option("--until", metavar="TIME", help="Lines before that.")
@click.option("--search", metavar="TEXT", help="Lines with this text in them, ASCII letters in either case.")
@click.option("--level", metavar="WORD", help="Lines that say they are that grave or graver: warning, error, ...")
@click.option(
    "--field", "fields", multiple=True, metavar="PATH=VALUE", help="Structured records with this member. Repeatable."
)
@click.option("--after", type=click.IntRange(0), metavar="ID", help="All lines after this one, as --json has ids.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object for each line.")
@environment_option
@with_settings
def logs(
    app: str, follow: bool, count: int | None, after: int | None, as_json: bool, environment: str | None, **asked: Any
) -> None:
    """Print what the containers of APP have printed at the server, also where they are gone.

    \b
    Examples:
      intermodal app logs shop -n 1000 --since 2h
      intermodal app logs shop --follow --level error
      intermodal app logs shop --call fc-1f0c9a-3 --json
      intermodal app logs shop --field user.id=42 --search timeout
      intermodal app logs shop --follow --after 18230 --json
    """
    if after is not None and count is not None:
        raise click.UsageError("-n counts the newest lines, --after takes all from one on: give one of them")
    config = Config.load()
    query: dict[str, str | Sequence[str]] = {"app": app, "environment": environment or config.environment}
    query["field"] = [_pair(each) for each in asked.pop("fields")]
    query |= {name: value for name, value in asked.items() if value}
    query |= {name: str(moment(asked[name], f"--{name}")) for name in ("since", "until") if asked[name]}
    kept = RemoteLogs(config)
    newest = 100 if count is None else count
    lines: Iterable[dict[str, Any] | None]
    if follow:
        try:
            kept.tail(query, 1)
        except NotFoundError as unknown:  # it may come yet
            click.echo(f"intermodal: {unknown}; waiting for it", err=True)
        lines = kept.follow(query, newest, after)
    else:
        lines = kept.tail(query, newest) if after is None else kept.after(query, after)
    for line in lines:
        if line is None:
            click.echo("intermodal: lines were removed here before they were read", err=True)
        else:
            write(sys.stdout, f"{json.dumps(line)}\n" if as_json else _readable(line))


def _pair(text: str) -> str:
    if "=" not in text:
        raise click.UsageError(f"--field takes PATH=VALUE, not {text!r:.80}: for example --field user.id=42")
    return text


def _readable(line: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(line["at"]).astimezone().isoformat(sep=" ", timespec="milliseconds")
    call = line["call"] if line["input"] is None else f"{line['call']}/{line['input']}"
    whose = " ".join(word for word in (line["function"], line["container"], call) if word)
    level = _LEVELS.get(line["level"], "info") + ": " if line["stream"] == 0 else ""
    # What happened may take several lines: those after the first are set in.
    texts = line["text"].split("\n") if line["stream"] == 0 else [line["text"]]
    if sys.stdout.isatty():
        texts = [written_out(text, colours=True).replace("\n", "\\n") for text in texts]
    return f"{at} {whose} | {level}" + "\n    ".join(texts) + "\n"
