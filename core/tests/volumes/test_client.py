"""Volumes from outside, without a running app (volume.client)."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import pytest

from intermodal import Volume
from intermodal.definitions.volume_files import VolumeEntryType
from intermodal.exception import AlreadyExistsError, InvalidError, NotFoundError
from intermodal.storage import DirectoryStorage
from intermodal.storage.volumes import Catalog, Versions

HOSTILE = ["../up", "a/../../up", "/", "nul\0", "x" * 300, "a/" + "y" * 4100]


@pytest.fixture
def volume() -> Volume:
    """A new one."""
    return Volume.from_name("v", create_if_missing=True)


def put(volume: Volume, path: str, content: bytes, *, force: bool = False) -> None:
    with volume.batch_upload(force=force) as batch:
        batch.put_file(io.BytesIO(content), path)


def put_all(volume: Volume, *paths: str) -> None:
    with volume.batch_upload() as batch:
        for path in paths:
            batch.put_file(io.BytesIO(b"2"), path)


def content(volume: Volume, path: str) -> bytes:
    return b"".join(volume.read_file(path))


def paths(volume: Volume, path: str = "/") -> list[str]:
    return [entry.path for entry in volume.iterdir(path)]


def test_what_is_put_is_there(volume: Volume, tmp_path: Path) -> None:
    """Files, directories, links, modes, times, empty ones, unicode and undecodable names, large files."""
    local = tmp_path / "local"
    (local / "sub" / "empty").mkdir(parents=True)
    (local / "grüße.txt").write_text("hi")
    (local / os.fsdecode(b"\xff.bin")).write_bytes(b"")
    (local / "sub" / "run").write_text("#!/bin/sh")
    (local / "sub" / "run").chmod(0o750)
    (local / "link").symlink_to("sub/run")
    (local / "large").write_bytes(os.urandom(1000) * 20_000)
    with volume.batch_upload() as batch:
        batch.put_directory(local, "/data")
        batch.put_file(io.BytesIO(b"12"), "two", mode=0o600)
    found = {entry.path: entry for entry in volume.listdir("/", recursive=True)}
    inside = {"", "/sub", "/sub/empty", "/grüße.txt", "/\udcff.bin", "/sub/run", "/link", "/large"}
    assert set(found) == {"two", *(f"data{path}" for path in inside)}
    assert found["data/sub/run"].mode == 0o750
    assert found["data/sub/run"].mtime == int((local / "sub" / "run").stat().st_mtime)
    assert found["data/link"].type is VolumeEntryType.SYMLINK
    assert found["data/sub/empty"].is_dir()
    assert found["two"].mode == 0o600
    assert content(volume, "/data/large") == (local / "large").read_bytes()
    assert content(volume, "data/\udcff.bin") == b""


def test_an_upload_is_whole_or_not_there(volume: Volume, tmp_path: Path) -> None:
    """A block that fails, and a file in the way, publish nothing."""
    put(volume, "old", b"1")

    def fails() -> None:
        with volume.batch_upload() as batch:
            batch.put_file(io.BytesIO(b"2"), "new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with pytest.raises(FileExistsError, match="old"):
        put_all(volume, "new", "old")
    assert paths(volume) == ["old"]
    put(volume, "old", b"2", force=True)
    assert content(volume, "old") == b"2"


@pytest.mark.parametrize("path", HOSTILE)
def test_names_that_lead_elsewhere_are_refused(volume: Volume, path: str) -> None:
    """An upload cannot name what no file of the volume can be (volume.paths)."""
    with pytest.raises(InvalidError):
        put(volume, path, b"")
    assert paths(volume) == []


def test_a_file_cannot_hold_another(volume: Volume) -> None:
    """An upload that contradicts itself is refused."""
    with pytest.raises(InvalidError, match="'a' is uploaded as a file"):
        put_all(volume, "a", "a/b")


def test_copy_and_remove(volume: Volume) -> None:
    """As cp and rm do."""
    put(volume, "a/1", b"one")
    put(volume, "a/deep/2", b"two")
    volume.copy_files(["a/1"], "b")
    volume.copy_files(["a"], "c", recursive=True)
    volume.copy_files(["a/1", "b"], "c")
    assert paths(volume, "c") == ["c/1", "c/b", "c/deep", "c/deep/2"]
    with pytest.raises(IsADirectoryError):
        volume.copy_files(["a"], "d")
    with pytest.raises(NotADirectoryError):
        volume.copy_files(["a/1", "b"], "nowhere")
    with pytest.raises(InvalidError, match="into itself"):
        volume.copy_files(["a"], "a/deep", recursive=True)
    volume.remove_file("b")
    with pytest.raises(IsADirectoryError):
        volume.remove_file("a")
    volume.remove_file("a", recursive=True)
    assert paths(volume) == ["c", "c/1", "c/b", "c/deep", "c/deep/2"]


def test_what_is_missing(volume: Volume) -> None:
    """`FileNotFoundError` for paths, `NotFoundError` for volumes; commit and reload are for containers."""
    for act in (volume.listdir, volume.remove_file, lambda path: list(volume.read_file(path))):
        with pytest.raises(FileNotFoundError, match="/nope"):
            act("nope")
    with pytest.raises(FileNotFoundError):
        volume.copy_files(["nope"], "x")
    with pytest.raises(NotFoundError, match="intermodal volume create other"):
        Volume.from_name("other").listdir()
    with pytest.raises(InvalidError, match="in a container"):
        volume.commit()
    with pytest.raises(InvalidError, match="in a container"):
        volume.reload()


def test_names(volume: Volume) -> None:
    """Renamed and deleted, each environment with names of its own."""
    put(volume, "x", b"")
    other = Volume.from_name("v", environment_name="dev", create_if_missing=True)
    assert paths(other) == []
    Volume.rename("v", "w")
    assert paths(Volume.from_name("w")) == ["x"]
    Volume.from_name("u", create_if_missing=True).listdir()
    with pytest.raises(AlreadyExistsError):
        Volume.rename("u", "w")
    assert [info.name for info in Volume.list()] == ["u", "w"]
    Volume.delete("w")
    with pytest.raises(NotFoundError):
        Volume.from_name("w").listdir()
    assert paths(other) == []


def test_async_twins() -> None:
    """Every blocking method has one."""

    async def use() -> None:
        async with Volume.ephemeral() as volume:
            async with volume.batch_upload() as batch:
                batch.put_file(io.BytesIO(b"1"), "a/b")
            await volume.copy_files.aio(["a/b"], "c")
            assert [entry.path for entry in await volume.listdir.aio()] == ["a", "c"]
            assert [entry.path async for entry in volume.iterdir.aio("/a")] == ["a/b"]
            assert b"".join([piece async for piece in volume.read_file.aio("c")]) == b"1"
            await volume.remove_file.aio("c")

    asyncio.run(use())


def test_an_ephemeral_volume_ends_with_its_block() -> None:
    """And takes its content with it."""
    with Volume.ephemeral() as volume:
        put(volume, "x", b"1")
        assert paths(volume) == ["x"]
    with pytest.raises(NotFoundError):
        volume.listdir()


def test_the_same_change_again_is_one_delta(volume: Volume, data_dir: Path) -> None:
    """A path that is put and removed over and over: no delta is twice in a version."""
    put(volume, "kept", b"1")
    for _ in range(3):
        put(volume, "x", b"1")
        volume.remove_file("x")

    async def look() -> tuple[str, ...]:
        storage = DirectoryStorage(data_dir)
        return (await Versions(storage).head(await Catalog(storage).find("v", "main"))).deltas

    deltas = asyncio.run(look())
    assert len(set(deltas)) == len(deltas) < 7
    assert paths(volume) == ["kept"]
