"""`intermodal image ls|prune`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from intermodal.cli.settings import with_settings
from intermodal.plugins import Builder, Config, load

__all__ = ["command"]

T = TypeVar("T")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


@click.group()
def command() -> None:
    """List and prune what image builds left in the cache."""


@command.command("ls")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def list_images(as_json: bool) -> None:
    """List cached layers and images, the last used first."""
    images = sorted(_with_builder(lambda builder: builder.images()), key=lambda item: -item.used)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(item) for item in images], indent=2))
        return
    now = time.time()
    for item in images:
        mark = "  in use" if item.in_use else ""
        click.echo(f"{item.id[:12]}  {_size(item.size):>9}  used {_ago(now - item.used):>4} ago{mark}  {item.title}")
    click.echo(f"{len(images)} in all, {_size(sum(item.size for item in images))}")


@command.command("prune")
@click.option("--all", "everything", is_flag=True, help="Also what was used lately; only what is in use now stays.")
@click.option(
    "--older-than", default="7d", metavar="TIME", help="Not used for so long: 90s, 30m, 12h, 7d.", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def prune_images(everything: bool, older_than: str, as_json: bool) -> None:
    """Remove cached layers, and unpacked source and local files, that were not used for some time."""
    seconds = _seconds(older_than)
    report = _with_builder(lambda builder: builder.prune(everything=everything, older_than_s=seconds))
    trees = _prune_trees(0.0 if everything else seconds)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(report), "trees": trees}, indent=2))
        return
    for name in report.removed:
        click.echo(f"removed {name[:12]}")
    click.echo(f"{len(report.removed)} removed, {_size(report.bytes_freed)} freed; {len(trees)} trees of files removed")


def _prune_trees(older_than_s: float) -> list[str]:
    from intermodal.storage import TreeStore

    return list(TreeStore(Config.load().data_dir).prune(older_than_s))


def _with_builder(use: Callable[[Builder], Awaitable[T]]) -> T:
    host = load(Config.load())

    async def run() -> T:
        builder = host.builder()
        try:
            return await use(builder)
        finally:
            await builder.close()

    try:
        return asyncio.run(run())
    finally:
        host.close()


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if not found:
        raise click.UsageError(f"--older-than takes a time such as 90s, 30m, 12h or 7d, not {text!r}")
    return float(found[1]) * _UNITS[found[2]]


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _ago(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"
