"""Files by the many, from this machine into a volume."""

from __future__ import annotations

import io
import os
import shutil
import sys
import time
from pathlib import Path

import intermodal
from figures import Numbers, wall

__all__ = ["bulk", "fill", "fill_huge", "small"]

_BIN = Path(sys.executable).parent
_MIB = 1 << 20
_IN_ONE = 1_000  # files of a directory


def fill(volume: intermodal.Volume, count: int) -> None:
    """So many files of a few bytes."""
    with volume.batch_upload() as batch:
        for number in range(count):
            batch.put_file(io.BytesIO(b"%d\n" % number), f"/{number // _IN_ONE}/{number}")


def fill_huge(volume: intermodal.Volume, place: Path, count: int = 10_000) -> None:
    """So many files of 1 MiB, no two of them alike. What they are read from takes hardly any space."""
    for number in range(count):
        directory = place / str(number // _IN_ONE)
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / str(number)).open("wb") as file:
            file.write(b"%d" % number)
            file.truncate(_MIB)
    with volume.batch_upload() as batch:
        batch.put_directory(place, "/")
    shutil.rmtree(place)


def bulk(place: Path, count: int = 1_000) -> Numbers:
    """MiB a second of `cp -r` and of two ways into a volume, in turn. What one has written is on the disk before the
    next begins, and what it reads is in memory."""
    source, copy = place / "source", place / "copy"
    source.mkdir()
    _write(source, count)
    copied = count / wall(["cp", "-r", str(source), str(copy)])
    shutil.rmtree(copy)
    os.sync()
    uploaded = count / _upload(source)
    _write(source, count)  # new bytes: those known already would not be kept twice
    put = count / wall([str(_BIN / "intermodal"), "volume", "put", "bench", str(source), "/put/"])
    shutil.rmtree(source)
    return {"cp": [copied], "upload": [uploaded], "put": [put]}


def small(place: Path, count: int = 50_000) -> Numbers:
    """Files a second of `cp -r` and into a volume, of some 100 bytes each."""
    source, copy = place / "small", place / "copy"
    for number in range(count):
        path = source / str(number // _IN_ONE)
        path.mkdir(parents=True, exist_ok=True)
        (path / str(number)).write_bytes(b"this is %d\n" % number * 8)
    os.sync()
    copied = count / wall(["cp", "-r", str(source), str(copy)])
    shutil.rmtree(copy)
    os.sync()
    uploaded = count / _upload(source)
    shutil.rmtree(source)
    return {"small cp": [copied], "small": [uploaded]}


def _write(source: Path, count: int) -> None:
    for number in range(count):
        (source / str(number)).write_bytes(os.urandom(_MIB))
    os.sync()


def _upload(source: Path) -> float:
    """Seconds."""
    volume = intermodal.Volume.from_name("bench", create_if_missing=True)
    volume.listdir("/")  # it exists, and its storage is open
    began = time.monotonic()
    with volume.batch_upload() as batch:
        batch.put_directory(source, f"/{source.name}")
    return time.monotonic() - began
