"""`intermodal run`."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import click

from intermodal.cli import garbage, interrupts
from intermodal.cli.arguments import Signature, options_of
from intermodal.cli.entrypoints import Runnable, choose
from intermodal.cli.failures import report
from intermodal.cli.settings import apply, setting_options
from intermodal.cli.target import import_reference, parse_reference

__all__ = ["command"]


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    options_metavar="[OPTIONS]",
)
@click.option("-m", "--module", "is_module", is_flag=True, help="FILE is the name of a module, as in python -m.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; output of containers is still shown.")
@click.option("-d", "--detach", is_flag=True, help="The app goes on at the server when this program has ended.")
@click.argument("file", metavar="FILE[::NAME]")
@click.argument("words", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(
    ctx: click.Context,
    file: str,
    words: tuple[str, ...],
    is_module: bool,
    quiet: bool,
    detach: bool,
    backend: str | None,
    plugin: Sequence[str],
    set: Sequence[str],
) -> int:
    """Run a local entrypoint of FILE here, or one of its functions in a container.

    NAME may be left away where there is one local entrypoint, or no entrypoint and one function. Its parameters are
    options: `intermodal run FILE --help` lists them.

    \b
    Examples:
      intermodal run hello.py
      intermodal run train.py::main --epochs 3
      intermodal run --detach train.py   (goes on after Ctrl-C, kill and a lost connection)
    """
    reference = parse_reference(file, is_module=is_module)
    with garbage.importing():
        importlib.import_module("intermodal.driver")  # which a run needs in the end
    try:
        module = import_reference(reference)
    except click.ClickException:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the user's top-level code raises
        return report(error)
    runnable = choose(module, reference)
    signature = runnable.signature()
    values, settings = _parse(ctx, file, signature, runnable.name, words)
    apply(
        settings.get("backend") or backend,
        [*plugin, *settings.get("plugin", ())],
        [*set, *settings.get("set", ())],
        reference.directory,
    )
    try:
        _execute(runnable, values, words if signature.takes_words else (), progress=not quiet, detach=detach)
    except click.ClickException:
        raise
    except BaseException as error:  # noqa: BLE001 - every end of the user's program is an exit code
        return report(error)
    return 0


command.params[:0] = setting_options()


def _parse(
    ctx: click.Context, file: str, signature: Signature, name: str, words: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values of the function's options, and of the settings after FILE; the function's own names go first."""
    if signature.takes_words:
        return {}, {}
    options = options_of(signature, name)
    own = {flag for option in options for flag in option.opts + option.secondary_opts}
    settings = [option for option in setting_options() if not own & {*option.opts}]
    inner = click.Command(
        file,
        params=[*options, *settings],
        help=signature.summary,
        context_settings={"help_option_names": ["--help"]},
    )
    with inner.make_context(f"{ctx.command_path} {file}", list(words)) as parsed:
        found = {name: list(value) if isinstance(value, tuple) else value for name, value in parsed.params.items()}
    chosen = {option.name for option in settings}
    return (
        {name: value for name, value in found.items() if name not in chosen},
        {name: value for name, value in found.items() if name in chosen},
    )


def _execute(runnable: Runnable, values: dict[str, Any], words: Sequence[str], *, progress: bool, detach: bool) -> None:
    run = runnable.app.run(show_output=True, show_progress=progress, detach=detach)
    with run:
        if detach:
            interrupts.before(run.let_go)
            click.echo(
                f"intermodal: {run.name} goes on at the server without this program: `intermodal app logs {run.name} "
                f"--follow` shows its output, `intermodal app stop {run.id}` ends it",
                err=True,
            )
        result = runnable.call(*words, **values)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        if not runnable.local:
            for value in result if isinstance(result, Iterator) else [result]:
                if value is not None:
                    click.echo(value)
