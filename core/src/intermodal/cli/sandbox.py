"""`intermodal sandbox ls|exec|logs|terminate`."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click

from intermodal.cli.settings import with_settings
from intermodal.client.api import Client
from intermodal.client.completion import run_sync

__all__ = ["command"]


@click.group()
def command() -> None:
    """Look at sandboxes that run on this machine, and drive them.

    \b
    Examples:
      intermodal sandbox ls
      intermodal sandbox exec sb-0123456789-1 ls -l
      intermodal sandbox logs sb-0123456789-1
      intermodal sandbox terminate sb-0123456789-1
      intermodal shell sb-0123456789-1
    """


@command.command("ls")
@click.option("--all", "everything", is_flag=True, help="Also those that have ended, of runs that go on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def list_sandboxes(everything: bool, as_json: bool) -> None:
    """List your sandboxes, the newest last."""
    from intermodal.driver.sandboxes.remote import clients

    found: list[dict[str, Any]] = []
    for client in clients():
        found += _ask(client, "list", all=everything).value
    found.sort(key=lambda each: float(each["created"]))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for each in found:
        age = f"{time.time() - each['created']:.0f}s"
        code = "" if each["code"] is None else f" {each['code']}"
        words = " ".join(filter(None, [each["name"], *(f"{key}={value}" for key, value in each["tags"].items())]))
        click.echo(f"{each['id']}  {each['state']}{code}  {age}  {each['app']}  {words}".rstrip())


@command.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("sandbox")
@click.argument("words", metavar="PROGRAM [ARGUMENTS]...", nargs=-1, required=True, type=click.UNPROCESSED)
@with_settings
def execute(sandbox: str, words: tuple[str, ...]) -> int:
    """Run a program in SANDBOX, on this terminal if there is one. The exit code is the program's."""
    from intermodal.driver.sandboxes.attached import run_attached
    from intermodal.driver.sandboxes.remote import client_of

    return run_attached(client_of(sandbox), sandbox, words)


@command.command("logs")
@click.argument("sandbox")
@click.option("-f", "--follow", is_flag=True, help="Until it ends.")
@with_settings
def logs(sandbox: str, follow: bool) -> None:
    """Print what the program of SANDBOX has printed: all of its standard output, then all of its standard error."""
    from intermodal.driver.sandboxes.remote import client_of

    client = client_of(sandbox)
    for stream, target in ((1, sys.stdout), (2, sys.stderr)):
        offset = 0
        while True:
            reply = _ask(
                client, "read", id=sandbox, process="", stream=stream, offset=offset, limit=1 << 20, now=not follow
            )
            data = bytes(reply.segments[0])
            if not data:
                break
            offset += len(data)
            target.buffer.write(data)
            target.buffer.flush()


@command.command("terminate")
@click.argument("sandboxes", metavar="SANDBOX...", nargs=-1, required=True)
@with_settings
def terminate(sandboxes: tuple[str, ...]) -> None:
    """End these, and everything in them. Those that have ended already are fine."""
    from intermodal.driver.sandboxes.remote import client_of

    for sandbox in sandboxes:
        _ask(client_of(sandbox), "terminate", id=sandbox)


def _ask(client: Client, operation: str, **params: Any) -> Any:
    async def work() -> Any:
        return await client.request(f"sandbox.{operation}", params)

    return run_sync(work())
