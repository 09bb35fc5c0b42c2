"""`intermodal image ls|inspect|build|prune`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import click

from intermodal.cli.failures import report
from intermodal.cli.images import images_of
from intermodal.cli.quantities import ago, seconds, size
from intermodal.cli.settings import apply, setting_options, with_settings
from intermodal.cli.target import Reference, import_reference, parse_reference
from intermodal.plugins import Builder, Config, ImageInfo, base_title, load, step_title
from intermodal.specs import ImageSpec, content_hash

__all__ = ["command"]

T = TypeVar("T")


@click.group()
def command() -> None:
    """Build images, and look after what builds left in the cache."""


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def list_images(as_json: bool) -> None:
    """List cached layers and images, and what else builds and containers keep in a backend, the last used first."""
    images = sorted(_with_builder(lambda builder: builder.images()), key=lambda item: -item.used)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(item) for item in images], indent=2))
        return
    now = time.time()
    for item in images:
        mark = "  in use" if item.in_use else ""
        click.echo(f"{item.id[:12]}  {size(item.size):>9}  used {ago(now - item.used):>4} ago{mark}  {item.title}")
    click.echo(f"{len(images)} in all, {size(sum(item.size for item in images))}")


@command.command("build")
@click.option("-m", "--module", "is_module", is_flag=True, help="FILE is the name of a module, as in python -m.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("file", metavar="FILE[::NAME]")
def build_images(
    file: str,
    is_module: bool,
    quiet: bool,
    as_json: bool,
    backend: str | None,
    plugin: Sequence[str],
    set: Sequence[str],
) -> int:
    """Build images now rather than when a container needs them.

    NAME is an image's variable in FILE, or a function or class, whose image it is; without it, all images of FILE.
    """
    reference = parse_reference(file, is_module=is_module)
    apply(backend, plugin, set, reference.directory)
    try:
        rows = _build(reference, progress=not quiet)
    except click.ClickException:
        raise
    except BaseException as error:  # noqa: BLE001 - every end is an exit code
        return report(error)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            click.echo(f"{row['id'][:12]}  Python {row['python']}  {row['name']}")
    return 0


build_images.params[:0] = setting_options()


def _build(reference: Reference, *, progress: bool) -> list[dict[str, Any]]:
    from intermodal.client.work import Work
    from intermodal.definitions.lowering import lower_image
    from intermodal.driver import EmbeddedSession
    from intermodal.specs import AppSpec

    images = images_of(import_reference(reference), reference)
    rows = []
    with EmbeddedSession(Work(AppSpec(name="build"), show_progress=progress)) as session:
        for name, image in images.items():
            lowered = lower_image(image)
            built = session.build(lowered.spec, lowered.blobs, lowered.secrets)
            rows.append({"name": name, "id": built.id, "python": built.python, "workdir": built.workdir})
    return rows


@command.command("inspect")
@click.option("-m", "--module", "is_module", is_flag=True, help="FILE is the name of a module, as in python -m.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("which", metavar="ID|FILE[::NAME]")
def inspect_image(
    which: str, is_module: bool, as_json: bool, backend: str | None, plugin: Sequence[str], set: Sequence[str]
) -> int:
    """Show a cached layer or image by the beginning of its ID, or what an image of FILE is made of.

    NAME is as for `build`. Nothing is built.
    """
    if not is_module and re.fullmatch(r"(im-)?[0-9a-f]{4,}(-[0-9a-f]*)?", which):
        apply(backend, plugin, set)
        shown: list[dict[str, Any]] = [_of_cache(which.removeprefix("im-"))]
    else:
        reference = parse_reference(which, is_module=is_module)
        apply(backend, plugin, set, reference.directory)
        try:
            shown = _of_file(reference)
        except click.ClickException:
            raise
        except BaseException as error:  # noqa: BLE001 - every end is an exit code
            return report(error)
    if as_json:
        click.echo(json.dumps(shown, indent=2))
        return 0
    for item in shown:
        for name, value in item.items():
            lines = value if isinstance(value, list) else [value]
            for number, line in enumerate(lines):
                click.echo(f"{name if not number else '':>10}  {line}")
    return 0


inspect_image.params[:0] = setting_options()


def _of_cache(name: str) -> dict[str, Any]:
    found = [item for item in _with_builder(lambda builder: builder.images()) if item.id.startswith(name)]
    if len(found) != 1:
        count = f"{len(found)} of them begin so: write more of it" if found else "`intermodal image ls` lists what is"
        raise click.UsageError(f"there is no one image or layer {name!r} in the cache; {count}")
    return _details(found[0])


def _details(item: ImageInfo) -> dict[str, Any]:
    moment = "%Y-%m-%d %H:%M:%S"
    return {
        **dataclasses.asdict(item),
        "created": time.strftime(moment, time.localtime(item.created)),
        "used": time.strftime(moment, time.localtime(item.used)),
    }


def _of_file(reference: Reference) -> list[dict[str, Any]]:
    from intermodal.definitions.lowering import lower_image

    images = images_of(import_reference(reference), reference)
    return [_definition(name, lower_image(image).spec) for name, image in images.items()]


def _definition(name: str, image: ImageSpec) -> dict[str, Any]:
    """What people want to know of a definition. Values of secrets are not in it."""
    return {
        "name": name,
        "id": content_hash(image),
        "base": base_title(image.base),
        "steps": [step_title(step) for step in image.steps],
        "env": [f"{key}={value}" for key, value in image.env().items()],
        "workdir": image.workdir(),
        "entrypoint": list(image.entrypoint() or ()),
        "cmd": list(image.cmd() or ()),
        "secrets": list(image.secrets()),
    }


@command.command("prune")
@click.option("--all", "everything", is_flag=True, help="Also what was used lately; only what is in use now stays.")
@click.option(
    "--older-than", default="7d", metavar="TIME", help="Not used for so long: 90s, 30m, 12h, 7d.", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def prune_images(everything: bool, older_than: str, as_json: bool) -> None:
    """Remove cached layers, caches of downloads, files sent to engines, and stored and unpacked source and local files,
    that were not used for some time."""
    age = seconds(older_than)
    report = _with_builder(lambda builder: builder.prune(everything=everything, older_than_s=age))
    trees, (blobs, bytes_freed) = _prune_files(0.0 if everything else age)
    freed = report.bytes_freed + bytes_freed
    if as_json:
        found = {**dataclasses.asdict(report), "bytes_freed": freed, "trees": trees, "blobs": blobs}
        click.echo(json.dumps(found, indent=2))
        return
    for name in report.removed:
        click.echo(f"removed {name[:12]}")
    also = f"{len(trees)} trees of files and {blobs} stored files removed"
    click.echo(f"{len(report.removed)} removed, {size(freed)} freed; {also}")


def _prune_files(older_than_s: float) -> tuple[list[str], tuple[int, int]]:
    """Names of trees; how many stored files and bundles, and their bytes."""
    from intermodal.driver import pruning
    from intermodal.storage import TreeStore

    data_dir = Config.load().data_dir
    return list(TreeStore(data_dir).prune(older_than_s)), pruning.prune(data_dir, older_than_s)


def _with_builder(use: Callable[[Builder], Awaitable[T]]) -> T:
    host = load(Config.load())

    async def run() -> T:
        try:
            return await use(host.builder())
        finally:
            await host.close_roles()

    try:
        return asyncio.run(run())
    finally:
        host.close()
