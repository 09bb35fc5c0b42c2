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
