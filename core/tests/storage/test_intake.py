"""Many files into a directory of blobs: in one pass over each, side by side, whole or not there."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal.storage import BlobDirectory

#: Around what is put one after another and what side by side, and around what is copied at once.
SIZES = (0, 1, 131_071, 131_072, 131_073, 524_288, 700_001, 1_572_864)


def stored(root: Path) -> dict[str, bytes]:
    """Every file below `root`, by name."""
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@settings(max_examples=25, deadline=None)
@given(
    contents=st.lists(st.tuples(st.sampled_from(SIZES), st.integers(0, 2), st.booleans()), max_size=12),
    before=st.lists(st.tuples(st.sampled_from(SIZES), st.integers(0, 2)), max_size=3),
)
def test_each_gets_its_own_name(
    tmp_path_factory: pytest.TempPathFactory,
    contents: list[tuple[int, int, bool]],
    before: list[tuple[int, int]],
) -> None:
    """Small and large, bytes and files, new ones, known ones and the same one several times: in the order given."""
    root = tmp_path_factory.mktemp("intake")
    blobs = BlobDirectory(root / "blobs")
    known = {blobs.put(bytes([fill]) * size) for size, fill in before}
    expected: list[bytes] = []
    handed: list[bytes | Path] = []
    for number, (size, fill, as_file) in enumerate(contents):
        data = bytes([fill]) * size
        expected.append(data)
        (root / str(number)).write_bytes(data)
        handed.append(root / str(number) if as_file else data)
    names = blobs.put_many(handed)
    assert names == [hashlib.sha256(data).hexdigest() for data in expected]
    found = stored(root / "blobs")
    assert set(found) == {*names, *known}
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in found.items())


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_what_is_there_is_kept(tmp_path: Path, size: int) -> None:
    """The same bytes again leave the file that has them, so that what was checked of it stays known."""
    source = tmp_path / "source"
    source.write_bytes(bytes(size))
    blobs = BlobDirectory(tmp_path / "blobs")
    (blob,) = blobs.put_many([source])
    before = blobs.path(blob).stat()
    assert blobs.put(source) == blobs.put(bytes(size)) == blobs.put_many([source])[0] == blob
    after = blobs.path(blob).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(stored(tmp_path / "blobs")) == [blob]


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_several_mend_one_that_was_cut_short(tmp_path: Path, size: int) -> None:
    """A file of the wrong size does not pass for the blob, for small and for large ones."""
    blobs = BlobDirectory(tmp_path)
    (blob,) = blobs.put_many([bytes(size)])
    blobs.path(blob).chmod(0o600)
    os.truncate(blobs.path(blob), size // 2)
    assert blobs.put_many([bytes(size)]) == [blob]
    assert blobs.get(blob) == bytes(size)


def test_one_that_cannot_be_read_fails_all(tmp_path: Path) -> None:
    """The error is the file's own, and no half of anything is left."""
    for number in range(6):
        (tmp_path / str(number)).write_bytes(bytes([number]) * 2_000_000)
    (tmp_path / "directory").mkdir()
    blobs = BlobDirectory(tmp_path / "blobs")
    for bad, error in ((tmp_path / "missing", FileNotFoundError), (tmp_path / "directory", IsADirectoryError)):
        with pytest.raises(error):
            blobs.put_many([*(tmp_path / str(number) for number in range(6)), bad])
        assert all(hashlib.sha256(data).hexdigest() == name for name, data in stored(tmp_path / "blobs").items())


def test_a_file_that_changes_gets_the_name_of_what_was_stored(tmp_path: Path) -> None:
    """Hash and copy come from one reading: whatever a writer does meanwhile, the blob has the bytes of its name."""
    source = tmp_path / "source"
    source.write_bytes(bytes(4_000_000))
    blobs, over = BlobDirectory(tmp_path / "blobs"), threading.Event()

    def change() -> None:
        with source.open("r+b", buffering=0) as file:
            number = 0
            while not over.is_set():
                number += 1
                file.seek(number * 99_991 % 4_000_000)
                file.write(b"%d" % number)

    writer = threading.Thread(target=change)
    writer.start()
    try:
        names = [blobs.put(source) for _ in range(10)] + blobs.put_many([source] * 6)
    finally:
        over.set()
        writer.join()
    for name in names:
        assert hashlib.sha256(blobs.get(name)).hexdigest() == name
