"""`intermodal volume ls|put|get|cp|rm`."""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from intermodal.cli.named import environment_option
from intermodal.cli.quantities import size
from intermodal.cli.settings import with_settings
from intermodal.exception import InvalidError

if TYPE_CHECKING:
    from intermodal.definitions.volume_files import VolumeEntry
    from intermodal.definitions.volumes import Volume

__all__ = ["copy", "get", "list_files", "put", "remove"]


@click.command("ls")
@click.option("-r", "--recursive", is_flag=True, help="Also what lies deeper.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("name")
@click.argument("path", default="/")
@environment_option
@with_settings
def list_files(name: str, path: str, recursive: bool, as_json: bool, environment: str | None) -> None:
    """List the directory PATH of the volume NAME."""
    entries = _volume(name, environment).listdir(path, recursive=recursive)
    if as_json:
        rows = [
            {"path": it.path, "type": it.type.value, "size": it.size, "mtime": it.mtime, "mode": f"{it.mode:04o}"}
            for it in entries
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for it in entries:
        moment = time.strftime("%Y-%m-%d %H:%M", time.localtime(it.mtime))
        click.echo(f"{size(it.size):>9}  {moment}  {_shown(it)}")


@click.command("put")
@click.option("-f", "--force", is_flag=True, help="Overwrite files that are there.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.argument("name")
@click.argument("local", type=click.Path(exists=True))
@click.argument("remote", default="/")
@environment_option
@with_settings
def put(name: str, local: str, remote: str, force: bool, quiet: bool, environment: str | None) -> None:
    """Upload the file or directory LOCAL to the path REMOTE of the volume NAME, all at once or not at all.

    A REMOTE that ends with "/" is a directory to put it into.

    \b
    Examples:
      intermodal volume put models ./weights /llama       the directory's content, as /llama
      intermodal volume put models config.json /llama/    as /llama/config.json
    """
    began = time.monotonic()
    with (
        _advised(FileExistsError, "overwrite what is there with --force"),
        _volume(name, environment).batch_upload(force=force) as batch,
    ):
        if os.path.isdir(local):
            inside = f"{remote}{os.path.basename(os.path.abspath(local))}" if _into(remote) else remote
            batch.put_directory(local, inside)
        else:
            batch.put_file(local, remote)
        files, total = batch.sizes()
        bar = _Bar("uploading", total, quiet=quiet)
        batch.on_stored = lambda _, size: bar.add(size)
    bar.finish()
    seconds = max(time.monotonic() - began, 1e-6)
    click.echo(f"{files} files, {size(total)} in {seconds:.1f} s", err=True)


@click.command("get")
@click.option("-f", "--force", is_flag=True, help="Overwrite local files that are there.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.argument("name")
@click.argument("remote")
@click.argument("local", default=".")
@environment_option
@with_settings
def get(name: str, remote: str, local: str, force: bool, quiet: bool, environment: str | None) -> None:
    """Download the file or directory REMOTE of the volume NAME to LOCAL; "-" is standard output.

    Where LOCAL is a directory, it goes into it.
    """
    volume = _volume(name, environment)
    if local == "-":
        for piece in volume.read_file(remote):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    entries = volume.listdir(remote, recursive=True)
    top = posixpath.normpath(f"/{remote}").strip("/")
    target = Path(local)
    if target.is_dir() and top:
        target /= posixpath.basename(top)
    bar = _Bar("downloading", sum(it.size for it in entries), quiet=quiet)
    with _advised(FileExistsError, "overwrite local files with --force, or name another LOCAL"):
        if not (len(entries) == 1 and entries[0].path == top):
            target.mkdir(parents=True, exist_ok=True)
        for it in entries:
            _fetch(volume, it, target / it.path[len(top) :].lstrip("/"), bar, force=force)
    bar.finish()


@click.command("cp")
@click.option("-r", "--recursive", is_flag=True, help="Directories too.")
@click.argument("name")
@click.argument("paths", nargs=-1, required=True, metavar="SOURCE... TARGET")
@environment_option
@with_settings
def copy(name: str, paths: tuple[str, ...], recursive: bool, environment: str | None) -> None:
    """Copy within the volume NAME."""
    if len(paths) < 2:
        raise click.UsageError("cp takes at least one SOURCE and a TARGET")
    with _advised(IsADirectoryError, "copy a directory with -r"):
        _volume(name, environment).copy_files(list(paths[:-1]), paths[-1], recursive=recursive)


@click.command("rm")
@click.option("-r", "--recursive", is_flag=True, help="A directory with all in it.")
@click.argument("name")
@click.argument("path")
@environment_option
@with_settings
def remove(name: str, path: str, recursive: bool, environment: str | None) -> None:
    """Remove PATH from the volume NAME."""
    with _advised(IsADirectoryError, "remove a directory, with all in it, with -r"):
        _volume(name, environment).remove_file(path, recursive=recursive)


@contextlib.contextmanager
def _advised(kind: type[OSError], advice: str) -> Iterator[None]:
    """Errors of this kind say what to do."""
    try:
        yield
    except kind as error:
        raise InvalidError(f"{error}: {advice}") from None


class _Bar:
    """Progress in bytes on stderr, while a person looks."""

    def __init__(self, label: str, total: int, *, quiet: bool) -> None:
        self._bar: Any = None
        if total and not quiet and sys.stderr.isatty():
            self._bar = click.progressbar(length=total, label=label, file=sys.stderr, item_show_func=lambda _: "")
            self._bar.__enter__()

    def add(self, size: int) -> None:
        if self._bar is not None:
            self._bar.update(size)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)


def _volume(name: str, environment: str | None) -> Volume:
    from intermodal.definitions.volumes import Volume

    return Volume.from_name(name, environment_name=environment)


def _shown(it: VolumeEntry) -> str:
    return f"{it.path}/" if it.is_dir() else it.path


def _into(remote: str) -> bool:
    return remote.endswith("/") and bool(remote.strip("/"))


def _fetch(volume: Volume, it: VolumeEntry, target: Path, bar: _Bar, *, force: bool) -> None:
    """Links are left out: on this machine they might lead anywhere."""
    if it.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif it.type.value == "file":
        _write(target, volume.read_file(it.path), bar, force=force)
        os.chmod(target, it.mode & 0o777)
        os.utime(target, (it.mtime, it.mtime))
    else:
        click.echo(f"{it.path} is a symbolic link: not fetched", err=True)


def _write(target: Path, pieces: Iterable[bytes], bar: _Bar, *, force: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb" if force else "xb") as file:
        for piece in pieces:
            file.write(piece)
            bar.add(len(piece))
