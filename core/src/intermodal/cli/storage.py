"""`intermodal storage gc|verify`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from intermodal.cli.quantities import seconds, size
from intermodal.cli.settings import with_settings
from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import CollectableStorage, Config, load

__all__ = ["command"]

T = TypeVar("T")


@click.group()
def command() -> None:
    """Look after the stored blobs: source, local files, and what references such as a volume's head need."""


@command.command("gc")
@click.option(
    "--older-than",
    default="1d",
    metavar="TIME",
    help="Spare what was stored or asked for since: 90s, 30m, 12h, 7d.",
    show_default=True,
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def collect_garbage(older_than: str, dry_run: bool, as_json: bool) -> None:
    """Remove blobs that no reference needs and no running session uses.

    \b
    intermodal storage gc --dry-run          # what would go?
    intermodal storage gc --older-than 7d    # keep what was used within a week
    """
    from intermodal.driver.volumes.sweeping import sweep
    from intermodal.storage import Collection, collect

    grace_s, data_dir = seconds(older_than), Config.load().data_dir

    async def sweep_and_collect(storage: CollectableStorage) -> Collection:
        if not dry_run:
            await sweep(data_dir, storage)
        return await collect(storage, grace_s=grace_s, dry_run=dry_run)

    found = _with_storage(sweep_and_collect)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(found), "dry_run": dry_run}, indent=2))
        return
    if dry_run:
        for blob in found.removed:
            click.echo(f"would remove {blob[:12]}")
    verb, freed = ("would go", "would be freed") if dry_run else ("removed", "freed")
    click.echo(
        f"{len(found.removed)} blobs {verb}, {size(found.bytes_freed)} {freed}; "
        f"{found.kept} stay, {found.needed} of them needed by references"
    )


@command.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings
def verify_blobs(as_json: bool) -> int:
    """Read every blob and check it against its hash; find what references need and is missing.

    The exit code is 1 where anything is wrong. A damaged blob in the data directory is taken out, so that the next run
    of a program that has its bytes stores it anew.

    \b
    intermodal storage verify --json | jq .damaged
    """
    from intermodal.storage import verify

    found = _with_storage(verify)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(found), "sound": found.sound}, indent=2))
        return 0 if found.sound else 1
    for blob, why in found.damaged.items():
        click.echo(f"damaged {blob}: {why}")
    for blob, name in found.missing.items():
        click.echo(f"missing {blob}: the reference {name!r} needs it")
    for name, why in found.unreadable.items():
        click.echo(f"unreadable reference {name!r}: {why}")
    wrong = len(found.damaged) + len(found.missing) + len(found.unreadable)
    click.echo(f"{found.blobs} blobs, {size(found.bytes)} read: {f'{wrong} faults' if wrong else 'all sound'}")
    return 1 if wrong else 0


def _with_storage(use: Callable[[CollectableStorage], Awaitable[T]]) -> T:
    host = load(Config.load())

    async def run() -> T:
        try:
            storage = host.storage()
            if not isinstance(storage, CollectableStorage):
                hint = f"{type(storage).__name__}, which a plugin provides, is no intermodal.plugins.CollectableStorage"
                raise CapabilityNotSupported("storage.gc", hint=hint)
            return await use(storage)
        finally:
            await host.close_roles()

    try:
        return asyncio.run(run())
    finally:
        host.close()
