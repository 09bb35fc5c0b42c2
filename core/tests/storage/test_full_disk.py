"""A disk that is really full: typed errors, nothing half-written, and everything works again once there is room."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from intermodal.driver.volumes.mounted import Ground, Mounted, Stage
from intermodal.driver.volumes.places import Places
from intermodal.exception import ResourceExhaustedError
from intermodal.specs import FileEntry, FileTree
from intermodal.storage import BlobDirectory, DirectoryStorage, RequestError, StateService, TreeStore
from intermodal.storage.volumes import Catalog, Versions
from intermodal.storage.volumes.hosting import DeltaDirectories

MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """4 MiB. A mount needs root; as another user the same code runs in the tests without a limit only."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this host does not let root mount")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_blobs_and_trees(disk: Path) -> None:
    """A blob or a tree that does not fit leaves nothing, and smaller ones still go in."""
    blobs, trees = BlobDirectory(disk / "blobs"), TreeStore(disk)
    large = blobs.put(bytes(2 * MIB))
    with pytest.raises(ResourceExhaustedError, match="no space left"):
        blobs.put(bytes(3 * MIB))
    with pytest.raises(ResourceExhaustedError, match="no space left"):
        trees.materialise(FileTree((FileEntry("a", large, MIB), FileEntry("b", large, MIB))), blobs)
    small = blobs.put(bytes(MIB // 2))
    assert trees.materialise(FileTree((FileEntry("a", small, 1),)), blobs).is_dir()
    trees.close()


def test_references(disk: Path) -> None:
    """A reference that cannot be written keeps its value."""

    async def main() -> None:
        storage = DirectoryStorage(disk)
        assert await storage.swap_ref("head", None, "1")
        (disk / "filler").write_bytes(bytes(4 * MIB - 5 * 4096))
        with pytest.raises(ResourceExhaustedError):
            await storage.swap_ref("head", "1", "2" * MIB)
        assert await storage.read_ref("head") == "1"
        (disk / "filler").unlink()
        assert await storage.swap_ref("head", "1", "2" * MIB)

    asyncio.run(main())


def test_queues(disk: Path) -> None:
    """Every put that was acknowledged is there, the refused ones are not, and after a while of room puts work again."""

    async def main() -> None:
        service = StateService(disk)
        queue = {"id": (await service.handle("queue.create", {"name": "q", "create_if_missing": True})).value["id"]}
        stored, refusal = 0, None
        while refusal is None:
            try:
                await service.handle("queue.put", queue, [b"%d" % stored + bytes(100_000)])
                stored += 1
            except RequestError as error:
                refusal = error.error
        assert refusal == "ResourceExhaustedError"
        assert stored > 5
        assert (await service.handle("queue.len", queue)).value == stored
        reply = await service.handle("queue.iterate", {**queue, "limit": 5_000})
        assert [value.rstrip(b"\0") for value in reply.segments] == [b"%d" % number for number in range(stored)]
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        await service.handle("queue.put", queue, [bytes(MIB)])
        assert len((await service.handle("queue.get", {**queue, "n": 5_000})).value) == stored + 1
        await service.close()

    asyncio.run(main())


def test_volumes(disk: Path) -> None:
    """A commit that does not fit leaves the head as it was, and nothing of itself; with room it succeeds."""

    async def main() -> None:
        storage = DirectoryStorage(disk)
        versions, places = Versions(storage), Places(disk, "s")
        volume = await Catalog(storage).find_or_make("v", "main")
        await versions.make(volume)
        deltas = DeltaDirectories(disk)
        stage = await Stage.make(
            Ground(storage, versions, storage.blobs, deltas, places), volume, "/v", read_only=False
        )
        mounted = Mounted(Ground(storage, versions, storage.blobs, deltas, places), volume, stage)
        upper = stage.directory / "upper"
        (upper / "small").write_bytes(b"1")
        assert await mounted.commit() is not None
        head = await versions.head(volume)
        (upper / "large").write_bytes(bytes(5 * MIB // 2))
        before = sorted(disk.rglob("*"))
        for _ in range(2):
            with pytest.raises(ResourceExhaustedError, match="no space left"):
                await mounted.commit()
            assert await versions.head(volume) == head
            assert sorted(disk.rglob("*")) == before
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        assert await mounted.commit() is not None
        assert {path for path, _ in (await versions.stack(await versions.head(volume))).walk()} == {"large", "small"}
        places.close()
        deltas.close()

    asyncio.run(main())
