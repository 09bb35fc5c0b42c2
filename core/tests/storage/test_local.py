"""A session's storage as local files: fetched once, checked, and never waited for after the session's end."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from intermodal.exception import BackendError, InvalidError
from intermodal.plugins import Storage
from intermodal.storage import BlobDirectory, LocalBlobs


class Shelf:
    """A `Storage` in memory. `lies` are what it gives instead of a blob's bytes; `gate` holds every stream up."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.lies: dict[str, bytes] = {}
        self.streams = 0
        self.asked = threading.Event()
        self.gate: asyncio.Event | None = None

    async def put(self, data: bytes | Path) -> str:
        data = data.read_bytes() if isinstance(data, Path) else data
        blob = hashlib.sha256(data).hexdigest()
        self.blobs[blob] = data
        return blob

    async def get(self, blob: str) -> bytes:
        return self.blobs[blob]

    async def has(self, blob: str) -> bool:
        return blob in self.blobs

    async def stream(self, blob: str, chunk: int = 1 << 20) -> AsyncIterator[bytes]:
        self.streams += 1
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        data = self.lies.get(blob) or self.blobs[blob]
        for start in range(0, len(data), 2):
            yield data[start : start + 2]

    async def read_ref(self, name: str) -> str | None:
        return None

    async def swap_ref(self, name: str, expected: str | None, value: str | None) -> bool:
        return False

    async def close(self) -> None:
        return None


class Place:
    """A shelf on an event loop of its own, and its local files."""

    def __init__(self, directory: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.shelf = Shelf()
        self.storage: Storage = self.shelf
        self.directory = directory
        self.loop = loop
        self.local = LocalBlobs(self.storage, BlobDirectory(directory), loop)

    def keep(self, blobs: dict[str, bytes | Path]) -> None:
        asyncio.run_coroutine_threadsafe(self.local.keep(blobs), self.loop).result(30)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """With its loop running on another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield Place(tmp_path / "local", loop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_only_the_storage_has_is_fetched_once(place: Place) -> None:
    """Into a local file, which is there the next time."""
    data = b"from elsewhere"
    place.shelf.blobs[name(data)] = data
    assert [place.local.path(name(data)).read_bytes() for _ in range(2)] == [data, data]
    assert place.shelf.streams == 1


def test_what_is_kept_is_in_the_storage_and_here(place: Place, tmp_path: Path) -> None:
    """Bytes and files; fetching is not needed then."""
    file = tmp_path / "file"
    file.write_bytes(b"of a file")
    many: dict[str, bytes | Path] = {name(b"%d" % n): b"%d" % n for n in range(40)}
    place.keep({**many, name(b"of a file"): file})
    assert len(place.shelf.blobs) == 41
    assert place.local.path(name(b"of a file")).read_bytes() == b"of a file"
    assert place.local.path(name(b"7")).read_bytes() == b"7"
    assert place.shelf.streams == 0


def test_a_file_that_changed_since_it_was_hashed(place: Place, tmp_path: Path) -> None:
    """Is named, and what to do."""
    file = tmp_path / "moving"
    file.write_bytes(b"new")
    with pytest.raises(InvalidError, match=r"moving was changed while it was read: run again"):
        place.keep({name(b"old"): file})


def test_unknown_and_wrong_bytes(place: Place) -> None:
    """A typed error for each, and no file is left that could pass for the blob."""
    blob = name(b"right")
    with pytest.raises(KeyError):
        place.local.path(blob)
    place.shelf.lies[blob] = b"wrong"
    with pytest.raises(BackendError, match="other bytes than its name stands for"):
        place.local.path(blob)
    assert place.files() == []


def test_the_end_of_the_session_ends_a_fetch(place: Place) -> None:
    """Whoever waits for a blob gets an error instead of waiting for ever, and so does who asks later."""
    place.shelf.gate = asyncio.Event()
    errors: list[BaseException] = []

    def fetch() -> None:
        try:
            place.local.path(name(b"slow"))
        except BackendError as error:
            errors.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    assert place.shelf.asked.wait(30)
    place.local.close()
    thread.join(30)
    fetch()
    assert [str(error) for error in errors] == ["the session ended while a file was being fetched from its storage"] * 2
