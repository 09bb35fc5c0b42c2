"""A command that is started anew whenever a file changes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from watchfiles import PythonFilter, watch

from intermodal.plugins import Config

__all__ = ["reloading"]

#: What an app may read as it starts, beside Python's own.
_MORE = (".css", ".html", ".js", ".toml", ".yaml", ".yml")
#: Seconds that the command has to end.
_LEAVING_S = 15


def reloading(words: Sequence[str], directory: Path, config: Config) -> int:
    """Run `intermodal WORDS` until it is interrupted. It ends when its standard input does, so that it does not outlive
    this process. One that has failed waits for the next change. What is saved and is no Python changes nothing."""
    environment = {**os.environ, **_port(config)}
    running = _start(words, environment)
    try:
        for changes in watch(directory, watch_filter=PythonFilter(extra_extensions=_MORE), debounce=400):
            changed = sorted(os.path.relpath(path, directory) for _, path in changes)
            wrong = _no_python(path for _, path in changes)
            if wrong:
                click.echo(f"{wrong}{', '.join(changed)} changed: what ran goes on until this is mended", err=True)
                continue
            click.echo(f"{', '.join(changed)} changed: starting again", err=True)
            _stop(running)
            running = _start(words, environment)
    except KeyboardInterrupt:
        pass
    finally:
        _stop(running)
    return 0


def _no_python(paths: Iterable[str]) -> str:
    """What is wrong with files that are no Python, as it is shown; "" where nothing is."""
    for path in sorted(paths):
        if path.endswith(".py") and os.path.isfile(path):
            try:
                compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                return "".join(traceback.format_exception_only(error))
            except OSError:  # it has just gone, or is not for reading: the program will say so
                continue
    return ""


def _port(config: Config) -> dict[str, str]:
    """One port for all starts, where this machine takes the requests."""
    if config.get("server_url") or config.get("web_port"):
        return {}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return {"INTERMODAL_WEB_PORT": str(free.getsockname()[1])}


def _start(words: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "intermodal.cli", *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)


def _stop(running: subprocess.Popen[bytes]) -> None:
    running.terminate()
    try:
        running.communicate(timeout=_LEAVING_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.communicate()
