"""What a container wrote is read while the container may go on writing, and may mean harm."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal.exception import InvalidError
from intermodal.storage import DirectoryStorage
from intermodal.storage.blobs import BlobDirectory
from intermodal.storage.removing import remove_tree
from intermodal.storage.volumes import Catalog, Delta, Directory, Entry, File, Known, Link, Stack, Versions
from intermodal.storage.volumes.hosting import OPAQUE, write_delta
from intermodal.storage.volumes.written import Layer
from swapping import swapping

SECRET = b"what only the host may read"
NAMES = st.sampled_from(["a", "b"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
KINDS = st.sampled_from(["file", "directory", "link", "outside", "outside directory", "pipe", "nothing", "longer"])
EDITS = st.lists(st.tuples(PATHS, KINDS), max_size=8)


class Volume:
    """A layer, the directory beside it that no container may read, and what its commits have published."""

    def __init__(self, directory: Path) -> None:
        self.upper, self.copies, self.outside = (directory / name for name in ("upper", "copies", "outside"))
        for each in (self.upper, self.copies, self.outside):
            each.mkdir()
        (self.outside / "a").write_bytes(SECRET)
        (self.outside / "b").mkdir()
        self.blobs = BlobDirectory(directory / "blobs")
        self.layer, self.known = Layer(self.upper), Known(Stack())
        self.published: dict[str, Entry] = {}

    def commit(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Publish, with something that happens between the look at the layer and the reading of its files."""
        written = self.layer.written(self.known)
        meanwhile()
        self.layer.contents(written, self.known, self.copies, self.blobs.put_many)
        for path, entry in written.entries.items():
            if entry is None:
                self.published.pop(path, None)
            elif path:
                self.published[path] = entry
        self.known.learn(written.entries)
        self.layer.committed(written)

    def edit(self, path: str, kind: str) -> None:
        """Put something of this kind at `path`, in the place of what is there."""
        place = self.upper / path
        if any(above.is_symlink() or above.is_file() or above.is_fifo() for above in place.parents):
            return
        if kind == "longer" and place.is_file() and not place.is_symlink():
            with place.open("ab") as file:
                file.write(b"more")
            return
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        if kind == "nothing":
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "directory":
            place.mkdir()
        elif kind == "pipe":
            os.mkfifo(place)
        elif kind == "link":
            place.symlink_to("a")
        elif kind.startswith("outside"):
            place.symlink_to(self.outside if kind == "outside directory" else self.outside / "a")
        else:
            place.write_bytes(os.urandom(4))

    def is_there(self) -> dict[str, object]:
        """What is in the layer and can be published, by path."""
        return {
            str(place.relative_to(self.upper)): os.readlink(place)
            if place.is_symlink()
            else (None if place.is_dir() else hashlib.sha256(place.read_bytes()).hexdigest())
            for place in self.upper.rglob("*")
            if place.is_symlink() or place.is_dir() or place.is_file()
        }

    def has_leaked(self) -> bool:
        """Whether the store has the bytes of a file outside."""
        return self.blobs.has(hashlib.sha256(SECRET).hexdigest())


@contextmanager
def volume() -> Iterator[Volume]:
    """A fresh one."""
    with tempfile.TemporaryDirectory() as directory:
        yield Volume(Path(directory))


def shown(entry: Entry) -> object:
    """What `is_there` tells of it."""
    if isinstance(entry, Link):
        return entry.target
    return None if isinstance(entry, Directory) else entry.blob


@settings(deadline=None, max_examples=60)
@given(before=EDITS, meanwhile=EDITS)
def test_what_changes_while_it_is_read_is_published_by_the_next_commit(
    before: list[tuple[str, str]], meanwhile: list[tuple[str, str]]
) -> None:
    """Whatever happens between the look at a layer and the reading: the commit ends, nothing from outside the layer is
    in it, and one more commit publishes all of the rest."""
    with volume() as tested:
        for path, kind in before:
            tested.edit(path, kind)
        tested.commit(lambda: [tested.edit(path, kind) for path, kind in meanwhile] and None)
        assert not tested.has_leaked()
        tested.commit()
        assert {path: shown(entry) for path, entry in tested.published.items()} == tested.is_there()
        assert not tested.has_leaked()


@pytest.mark.parametrize("swapped", ["file", "directory"])
def test_links_that_appear_while_a_layer_is_read_lead_nowhere(swapped: str, tmp_path: Path) -> None:
    """A program that swaps what it wrote for a link out of the layer, over and over, publishes nothing from outside."""
    tested = Volume(tmp_path)
    names = ("d/a", "d/link") if swapped == "file" else ("d", "link")
    for number in range(20):
        tested.edit(f"d/{number}", "file")
    tested.edit("d/a", "file")
    tested.edit(names[1], "outside" if swapped == "file" else "outside directory")
    with swapping(*(tested.upper / name for name in names)):
        for _ in range(100):
            tested.commit()
    assert not tested.has_leaked()


def test_a_tree_of_any_depth_is_looked_through_and_removed(tmp_path: Path) -> None:
    """More levels than Python's stack has, directories without permissions, and links, which are not followed."""
    tested, depth = Volume(tmp_path), 1100
    here = os.open(tested.upper, os.O_RDONLY)
    for _ in range(depth):
        for name in ("d", "closed"):
            os.mkdir(name, dir_fd=here)
        os.chmod("closed", 0, dir_fd=here)
        os.symlink(tested.outside, "link", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    try:
        tested.commit()
    finally:
        remove_tree(tested.upper)  # nothing else removes so deep a tree
    assert len(tested.published) == 3 * depth
    assert not tested.upper.exists()
    assert (tested.outside / "a").read_bytes() == SECRET


def test_directories_that_are_made_again_are_empty(tmp_path: Path) -> None:
    """All that was in them is gone, at any depth: the kernel marks the uppermost as opaque, and not those in it."""
    tested = Volume(tmp_path)
    for path in ("d/e/f/a", "d/e/b", "d/f/a", "e/a"):
        tested.edit(path, "file")
    tested.commit()
    shutil.rmtree(tested.upper / "d")
    (tested.upper / "d/e/f").mkdir(parents=True)
    tested.layer = Layer(tested.upper)  # a mount of the version that was published: nothing of it is in this layer
    shutil.rmtree(tested.upper / "e")
    os.setxattr(tested.upper / "d", OPAQUE, b"y")
    tested.commit()
    assert sorted(tested.published) == ["d", "d/e", "d/e/f", "e", "e/a"]


def test_a_path_that_no_volume_can_have_leaves_the_head_alone(data_dir: Path) -> None:
    """It is refused when it is committed: once part of a version, nobody could read that any more (volume.commit)."""

    async def main() -> None:
        versions = Versions(DirectoryStorage(data_dir))
        volume = await Catalog(DirectoryStorage(data_dir)).find_or_make("v", "main")
        await versions.make(volume)
        known = Known(Stack())
        with pytest.raises(InvalidError, match="is longer than 4000 bytes"):
            await versions.commit(volume, known, {"good": Directory(), "d/" * 2000 + "d": Directory()})
        await versions.commit(volume, known, {"good": Directory()})
        fresh = Versions(DirectoryStorage(data_dir))
        assert [path for path, _ in (await fresh.stack(await fresh.head(volume))).walk()] == ["good"]

    asyncio.run(main())


def test_the_longest_path_of_a_volume_is_laid_out_in_any_directory(data_dir: Path) -> None:
    """Where the path of the data directory before it makes it longer than the kernel takes in one call."""
    names = ["n" * 250] * 15
    directories: dict[str, Entry] = {"/".join(names[:count]): Directory() for count in range(1, len(names))}
    blobs = BlobDirectory(data_dir / "blobs")
    long, root = "/".join(names), data_dir / ("r" * 200) / ("r" * 200)
    content = File(blobs.put(b"content"), 7, 0o600, 5)
    root.mkdir(parents=True)
    write_delta(root, Delta({**directories, long: content, f"{long[:-1]}l": Link("x")}), blobs)
    fd = os.open(root, os.O_RDONLY)
    try:
        with open(os.open(long, os.O_RDONLY, dir_fd=fd)) as file:
            assert file.read() == "content"
        assert os.readlink(f"{long[:-1]}l", dir_fd=fd) == "x"
    finally:
        os.close(fd)
        remove_tree(root)


def test_a_file_that_grows_while_it_is_read_is_published_as_it_was_at_some_moment(tmp_path: Path) -> None:
    """Its size is that of its bytes, and the next commit has the rest."""
    tested = Volume(tmp_path)
    tested.edit("a", "file")
    tested.commit(lambda: tested.edit("a", "longer"))
    first = tested.published["a"]
    assert isinstance(first, File)
    assert len(tested.blobs.get(first.blob)) == first.size
    tested.edit("a", "longer")
    tested.commit()
    assert shown(tested.published["a"]) == tested.is_there()["a"]
