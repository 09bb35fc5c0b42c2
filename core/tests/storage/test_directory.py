"""The directory storage: blobs whole or absent, checked when read; references by compare-and-swap."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal.exception import BackendError, InvalidError
from intermodal.plugins import Blobs, Config, Storage
from intermodal.storage import BlobDirectory, DirectoryStorage
from intermodal.storage.default import intermodal_addoption, intermodal_storage

RACER = """
import asyncio, sys
from pathlib import Path
from intermodal.storage import DirectoryStorage

async def main():
    storage = DirectoryStorage(Path(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        while True:
            now = await storage.read_ref("counter")
            if await storage.swap_ref("counter", now, str(int(now or 0) + 1)):
                break

asyncio.run(main())
"""
PUTTER = """
import sys
from pathlib import Path
from intermodal.storage import BlobDirectory

blobs = BlobDirectory(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    blobs.put(bytes([number % 256]) * 3_000_000)
    number += 1
"""


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def damage(blobs: BlobDirectory, blob: str, data: bytes) -> None:
    path = blobs.path(blob)
    path.chmod(0o600)
    path.write_bytes(data)


def test_it_is_the_storage_of_a_session(tmp_path: Path) -> None:
    """The built-in plugin answers with a directory under the configured data directory."""
    config = Config.load(tmp_path, environ={"INTERMODAL_DATA_DIR": str(tmp_path / "data")}, command_line={})
    intermodal_addoption(config.options)
    storage = intermodal_storage(config)
    assert isinstance(storage, Storage)
    blob = asyncio.run(storage.put(b"x"))
    assert (tmp_path / "data" / "blobs" / blob[:2] / blob).read_bytes() == b"x"


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=5_000), chunk=st.integers(1, 6_000))
def test_what_was_put_comes_back(tmp_path_factory: pytest.TempPathFactory, data: bytes, chunk: int) -> None:
    """By get, stream in any piece size, and path; from bytes and from a file; under the SHA-256 of the bytes."""
    root = tmp_path_factory.mktemp("data")

    async def main() -> None:
        storage = DirectoryStorage(root)
        (root / "source").write_bytes(data)
        blob = await storage.put(data)
        assert blob == await storage.put(root / "source") == hashlib.sha256(data).hexdigest()
        assert await storage.has(blob)
        assert await storage.get(blob) == storage.blobs.path(blob).read_bytes() == data
        assert b"".join([piece async for piece in storage.stream(blob, chunk)]) == data
        await storage.close()

    asyncio.run(main())


@pytest.mark.parametrize("blob", ["0" * 64, "", "../../etc/passwd", "0" * 63, "G" * 64, "0" * 64 + "\n"])
def test_an_unknown_blob_is_a_key_error(tmp_path: Path, blob: str) -> None:
    """Whatever the name is, nothing outside the store is looked at."""
    blobs = BlobDirectory(tmp_path)
    for read in (blobs.get, blobs.path, lambda name: list(blobs.chunks(name))):
        with pytest.raises(KeyError, match="blob"):
            read(blob)


@pytest.mark.parametrize("bad", [b"", b"abc", b"abcdeF", b"abcdefg"], ids=["empty", "cut", "changed", "longer"])
@pytest.mark.parametrize("read", ["get", "path", "chunks"])
def test_a_damaged_blob_is_reported_and_can_be_put_again(tmp_path: Path, bad: bytes, read: str) -> None:
    """A read notices bytes that do not fit the name, removes them, and a put repairs the store."""
    blobs = BlobDirectory(tmp_path)
    blob = blobs.put(b"abcdef")
    damage(blobs, blob, bad)
    pieces: list[bytes] = []
    attempt = {"get": blobs.get, "path": blobs.path, "chunks": lambda name: pieces.extend(blobs.chunks(name, 3))}
    with pytest.raises(BackendError, match="removed"):
        attempt[read](blob)
    assert len(b"".join(pieces)) < max(len(bad), 1)  # the last piece is kept back until all were checked
    assert not blobs.has(blob)
    assert blobs.put(b"abcdef") == blob
    assert blobs.get(blob) == b"abcdef"


def test_a_put_heals_a_blob_that_was_cut_short(tmp_path: Path) -> None:
    """A file of the wrong size, as a power failure leaves it, does not pass for the blob."""
    blobs: Blobs = (store := BlobDirectory(tmp_path))
    blob = store.put(b"abcdef")
    damage(store, blob, b"")
    store.put(b"abcdef")
    assert blobs.path(blob).read_bytes() == b"abcdef"


def test_a_kill_amid_a_put_leaves_no_torn_blob(tmp_path: Path) -> None:
    """Every file in the store, after kill -9 of a process that puts, has the bytes of its name."""
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", PUTTER, str(tmp_path)], stdout=subprocess.PIPE) as putter:
            assert putter.stdout is not None
            putter.stdout.readline()
            have = len(files(tmp_path))
            while len(files(tmp_path)) < have + 3:
                os.sched_yield()
            putter.send_signal(signal.SIGKILL)
    blobs = BlobDirectory(tmp_path)
    stored = [path for path in files(tmp_path) if path.parent.name != ".tmp"]
    assert stored
    for path in stored:
        blobs.get(path.name)


def test_what_a_kill_left_of_a_put_is_removed_in_time(tmp_path: Path) -> None:
    """A temporary file that nobody has written to for an hour goes when a process first puts something."""
    temporary = tmp_path / ".tmp"
    temporary.mkdir()
    for name, age in (("old", 1), ("new", None)):
        (temporary / name).write_bytes(b"half")
        if age is not None:
            os.utime(temporary / name, (age, age))
    BlobDirectory(tmp_path).put(b"x")
    assert [path.name for path in temporary.iterdir()] == ["new"]


def test_a_failing_put_leaves_nothing(tmp_path: Path) -> None:
    """A source that cannot be read raises as it would anywhere, and no temporary file stays."""
    with pytest.raises(FileNotFoundError):
        BlobDirectory(tmp_path / "blobs").put(tmp_path / "missing")
    assert files(tmp_path) == []


def test_references_move_only_from_what_was_expected(tmp_path: Path) -> None:
    """Compare and swap, with None for "there is none"; any name is one reference."""

    async def main() -> None:
        storage = DirectoryStorage(tmp_path)
        for name in ("v", "a/b", "..", ".", "../../x", "ü \n", "r.ref"):
            assert await storage.read_ref(name) is None
            assert not await storage.swap_ref(name, "1", "2")
            assert await storage.swap_ref(name, None, "1")
            assert not await storage.swap_ref(name, None, "2")
            assert await storage.swap_ref(name, "1", "")
            assert await storage.read_ref(name) == ""
            assert await storage.swap_ref(name, "", "3")
        assert await storage.swap_ref("v", "3", None)
        assert await storage.read_ref("v") is None
        assert await storage.read_ref("a/b") == "3"
        with pytest.raises(InvalidError, match="1 to 240"):
            await storage.read_ref("x" * 241)

    asyncio.run(main())
    assert {path.parent for path in files(tmp_path)} == {tmp_path / "refs"}


def test_racing_processes_lose_no_swap(tmp_path: Path) -> None:
    """Processes that count up one reference by compare-and-swap arrive at the sum."""
    racers = [subprocess.Popen([sys.executable, "-c", RACER, str(tmp_path), "40"]) for _ in range(3)]
    assert [racer.wait() for racer in racers] == [0, 0, 0]
    assert asyncio.run(DirectoryStorage(tmp_path).read_ref("counter")) == "120"
