"""`intermodal serve`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence

import click

from intermodal.cli.entrypoints import choose_app, web_functions
from intermodal.cli.failures import report
from intermodal.cli.settings import apply, setting_options
from intermodal.cli.target import Reference, import_reference, parse_reference
from intermodal.definitions.running import Run
from intermodal.exception import ConnectionError
from intermodal.plugins import Config
from intermodal.plugins.extras import needing

__all__ = ["command"]

#: Seconds between looks whether the app still runs.
_LOOK_S = 1.0


@click.command(options_metavar="[OPTIONS]")
@click.option("-m", "--module", "is_module", is_flag=True, help="FILE is the name of a module, as in python -m.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr; output of containers is still shown.")
@click.option("--no-reload", is_flag=True, help="Leave the app as it is when its files change.")
@click.option("--until-eof", is_flag=True, hidden=True)
@click.argument("file", metavar="FILE[::APP]")
def command(
    file: str,
    is_module: bool,
    quiet: bool,
    no_reload: bool,
    until_eof: bool,
    backend: str | None,
    plugin: Sequence[str],
    set: Sequence[str],
) -> int:
    """Run the app of FILE with its web functions until Ctrl-C, and start it anew whenever a file beside it is saved.

    The URLs are printed, and stay what they are.

    \b
    Examples:
      intermodal serve app.py
      intermodal serve --no-reload -m shop.web
      INTERMODAL_SERVER_URL=http://server:8700 intermodal serve app.py
    """
    reference = parse_reference(file, is_module=is_module)
    apply(backend, plugin, set, reference.directory)
    if no_reload or until_eof:
        return _run(reference, quiet, until_eof)
    with needing("server", "`intermodal serve`"):
        from intermodal.cli.reloading import reloading
    options = [
        *(["-m"] if is_module else []),
        *(["-q"] if quiet else []),
        *([f"--backend={backend}"] if backend else []),
        *[f"--plugin={each}" for each in plugin],
        *[f"--set={each}" for each in set],
    ]
    return reloading(["serve", "--until-eof", *options, file], reference.directory, Config.load())


command.params[:0] = setting_options()


def _run(reference: Reference, quiet: bool, until_eof: bool) -> int:
    try:
        app = choose_app(import_reference(reference), reference)
        run = app.run(show_output=True, show_progress=not quiet)
        with run:
            # Progress tells them as well: on a terminal that shows both, once is enough.
            if quiet or not (sys.stdout.isatty() and sys.stderr.isatty()):
                for name, function in web_functions(app):
                    click.echo(f"{name} => {function.get_web_url()}")
            _wait(run, until_eof=until_eof)
    except click.ClickException:
        raise
    except BaseException as error:  # noqa: BLE001 - every end of the user's program is an exit code
        return report(error)
    return 0


def _wait(run: Run, *, until_eof: bool) -> None:
    """Until whoever started this ends, where `until_eof` says so. Raises `ConnectionError`: the app has ended."""
    over = threading.Event()

    def read_to_the_end() -> None:
        while os.read(sys.stdin.fileno(), 4096):  # no lock that the end of this process would need
            pass
        over.set()

    if until_eof:
        threading.Thread(target=read_to_the_end, daemon=True).start()
    while not over.wait(_LOOK_S):
        if not run.open:
            raise ConnectionError("the app has ended, as the connection to its server has: is the server still there?")
