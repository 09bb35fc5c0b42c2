"""Deltas as directories of this host: held while they are mounted, and no longer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intermodal.plugins.holding import try_acquire
from intermodal.storage import DirectoryStorage
from intermodal.storage.volumes import Delta, Directory, File
from intermodal.storage.volumes.hosting import DeltaDirectories

NAME = "1" * 64
DELTA = Delta({"": Directory(), "d": Directory()})


def held(data_dir: Path, name: str) -> bool:
    """Does anybody hold this delta?"""
    fd = try_acquire(data_dir / "volumes" / "deltas" / ".locks" / name)
    if fd is not None:
        os.close(fd)
    return fd is None


def test_what_was_asked_for_twice_is_let_go_of_twice(data_dir: Path) -> None:
    """Two containers that mount one version share its lease."""
    deltas, blobs = DeltaDirectories(data_dir), DirectoryStorage(data_dir).blobs
    before = len(os.listdir("/proc/self/fd"))
    lower = deltas.have([NAME], [DELTA], blobs)
    assert deltas.have([NAME], [DELTA], blobs) == lower
    deltas.let_go(lower)
    assert held(data_dir, NAME)
    deltas.let_go(lower)
    assert not held(data_dir, NAME)
    assert len(os.listdir("/proc/self/fd")) == before
    assert Path(lower[0], "d").is_dir()


def test_what_cannot_be_made_is_not_held(data_dir: Path) -> None:
    """A blob that the storage lacks."""
    deltas, blobs = DeltaDirectories(data_dir), DirectoryStorage(data_dir).blobs
    with pytest.raises(KeyError):
        deltas.have([NAME], [Delta({"": Directory(), "x": File("2" * 64, 1)})], blobs)
    assert not held(data_dir, NAME)


def test_many_files_are_written_side_by_side_and_whole(data_dir: Path) -> None:
    """Each has its own bytes, mode and time, and so have directories; one that lacks its blob leaves nothing behind."""
    deltas, blobs = DeltaDirectories(data_dir), DirectoryStorage(data_dir).blobs
    contents = [b"%d" % number for number in range(700)]
    stored = blobs.put_many(contents)
    files = {
        f"d{number % 3}/{number}": File(blob, len(data), mode=0o600 + number % 8, mtime=number)
        for number, (data, blob) in enumerate(zip(contents, stored, strict=True))
    }
    directories = {"": Directory(), **{f"d{number}": Directory(mode=0o750, mtime=number) for number in range(3)}}
    lower = deltas.have([NAME], [Delta({**directories, **files})], blobs)
    for path, file in files.items():
        found = Path(lower[0], path).stat()
        assert (found.st_mode & 0o777, found.st_mtime_ns) == (file.mode, file.mtime)
        assert Path(lower[0], path).read_bytes() == path.partition("/")[2].encode()
    assert [Path(lower[0], f"d{number}").stat().st_mtime_ns for number in range(3)] == [0, 1, 2]
    other = "2" * 64
    with pytest.raises(KeyError):
        deltas.have([other], [Delta({**directories, **files, "d2/lacks": File("3" * 64, 1)})], blobs)
    left = [path.name for path in Path(lower[0]).parent.iterdir() if path.name not in map(os.path.basename, lower)]
    assert left == [".locks"]
