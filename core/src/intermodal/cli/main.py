"""`intermodal`: the group of commands, each imported only when it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

import click

from intermodal import __version__
from intermodal.cli import garbage, interrupts, warned
from intermodal.cli.interrupts import Interrupted

__all__ = ["exit_code", "main"]


class _Entry(NamedTuple):
    module: str
    help: str


#: Help lines stand here, so that `intermodal --help` imports no command.
COMMANDS: Mapping[str, _Entry] = {
    "run": _Entry("intermodal.cli.run", "Run a function or entrypoint of a file."),
    "serve": _Entry("intermodal.cli.serve", "Run a file's web functions, and start anew when it is saved."),
    "deploy": _Entry("intermodal.cli.deploy", "Have the server carry out a file's app from now on."),
    "app": _Entry("intermodal.cli.app", "Deployed apps: ls, history, rollback, stop; stats and logs of any app."),
    "environment": _Entry("intermodal.cli.environment", "Environments of the server: create, ls, delete."),
    "call": _Entry("intermodal.cli.call", "Spawned calls at the server: ls, show, retry, cancel."),
    "schedule": _Entry("intermodal.cli.schedule", "When deployed functions run: ls, runs, run, pause, resume."),
    "shell": _Entry("intermodal.cli.shell", "Open a shell in a container of a function's image."),
    "image": _Entry("intermodal.cli.image", "Build and inspect images; list and prune cached layers."),
    "sandbox": _Entry("intermodal.cli.sandbox", "List, drive and end sandboxes."),
    "storage": _Entry("intermodal.cli.storage", "Check what is stored, and remove what nothing needs."),
    "volume": _Entry("intermodal.cli.volume", "Make, list and fill volumes, and fetch what is in them."),
    "dict": _Entry("intermodal.cli.dict", "Named dicts: create, list, get, put, items, clear, delete."),
    "queue": _Entry("intermodal.cli.queue", "Named queues: create, list, len, peek, put, get, clear, delete."),
    "secret": _Entry("intermodal.cli.secret", "Named secrets: create, list, delete."),
    "server": _Entry("intermodal.cli.server", "Serve: carry out the apps of other processes."),
    "token": _Entry("intermodal.cli.token", "What opens a server: create, ls, revoke."),
    "profile": _Entry("intermodal.cli.profile", "Servers to go between: set, activate, ls, current, rm."),
    "plugins": _Entry("intermodal.cli.plugins", "Show loaded plugins, their hooks, and installed backends."),
    "config": _Entry("intermodal.cli.config", "Show every setting and where it comes from."),
    "version": _Entry("intermodal.cli.version", "Show the versions of what is installed."),
}


class LazyGroup(click.Group):
    """A group whose commands are attributes `command` of modules imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        with garbage.importing():
            command: click.Command = importlib.import_module(entry.module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        place = args[0].partition("::")[0]
        if args[0] not in COMMANDS and place.endswith(".py"):
            ctx.fail(f"there is no command {args[0]!r}: did you mean 'intermodal run {args[0]}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="intermodal %(version)s")
def cli() -> None:
    """Run Python functions in containers: on this machine, in Docker or Podman, at a server."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script. Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM."""
    interrupts.install()
    warned.install()
    sys.exit(exit_code(arguments))


def exit_code(arguments: Sequence[str] | None) -> int:
    """Carry out one command line; nothing of it is raised."""
    try:
        code = cli.main(args=arguments, prog_name="intermodal", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort as abort:
        cause = abort.__cause__
        return cause.exit_code if isinstance(cause, Interrupted) else 1
    except BaseException as error:  # noqa: BLE001 - the last place to turn any of them into an exit code
        from intermodal.cli.failures import report

        return report(error)
