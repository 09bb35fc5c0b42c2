"""Ephemeral volumes of processes that were killed (volume.client)."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from intermodal import Volume
from intermodal.cli.storage import command
from intermodal.driver.volumes import standing
from intermodal.driver.volumes.places import killed
from intermodal.storage import DirectoryStorage
from intermodal.storage.volumes import Catalog

OWNER = """
import io
from intermodal import Volume
with Volume.ephemeral() as volume:
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"1"), "x")
    print("there", flush=True)
    input()
"""


@contextlib.contextmanager
def owner() -> Iterator[subprocess.Popen[str]]:
    """A process in the block of an ephemeral volume."""
    process = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        try:
            yield process
        finally:
            process.kill()


def kept(data_dir: Path) -> tuple[int, list[str]]:
    """How many ephemeral volumes the catalog has, and every volume's reference."""

    async def look() -> tuple[int, list[str]]:
        storage = DirectoryStorage(data_dir)
        refs = [name for name in await storage.refs() if name.startswith("volume/")]
        return len(await Catalog(storage).ephemeral()), refs

    return asyncio.run(look())


def test_a_killed_owner_leaves_none(data_dir: Path) -> None:
    """The next process that uses volumes ends them; those of a process that lives stay."""
    with owner() as one, owner():
        assert kept(data_dir)[0] == 2
        one.kill()
        one.wait()
        Volume.from_name("v", create_if_missing=True).listdir()
        standing.standing().close()
        standing._opened.clear()
        ephemeral, refs = kept(data_dir)
        assert ephemeral == 1
        assert len(refs) == 2


def test_the_collection_of_blobs_takes_them_along(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`intermodal storage gc` does, and with --dry-run it changes nothing."""
    with owner() as one:
        one.kill()
        one.wait()
    assert CliRunner().invoke(command, ["gc", "--dry-run"]).exit_code == 0
    assert kept(data_dir)[0] == 1
    assert CliRunner().invoke(command, ["gc", "--older-than", "0s"]).exit_code == 0
    assert kept(data_dir) == (0, [])


def test_who_is_killed_while_sweeping_leaves_it_to_the_next(data_dir: Path) -> None:
    """A session is forgotten only when all of it is gone."""
    with owner() as one:
        one.kill()
        one.wait()

    def sweep() -> None:
        with killed(data_dir) as sessions:
            assert len(sessions) == 1
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            sweep()
