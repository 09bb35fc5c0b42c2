"""File trees on the host: whole, read-only, safe against hostile paths, shared, and pruned when nobody has them."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal.exception import BackendError, InvalidError
from intermodal.specs import FileEntry, FileTree, content_hash
from intermodal.storage import BlobDirectory, TreeStore

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
NESTED = st.recursive(st.binary(max_size=20), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)
MAKER = """
import sys
from pathlib import Path
from intermodal.specs import FileEntry, FileTree
from intermodal.storage import BlobDirectory, TreeStore

data = Path(sys.argv[1])
blobs, trees = BlobDirectory(data / "blobs"), TreeStore(data)
blob = blobs.put(b"shared")
tree = FileTree(tuple(FileEntry(f"d{n % 7}/f{n:04}", blob, 6) for n in range(int(sys.argv[2]))))
print("ready", flush=True)
sys.stdin.readline()
print(trees.materialise(tree, blobs), flush=True)
sys.stdin.readline()
"""


class Bench:
    """A data directory with blobs and trees."""

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir
        self.blobs = BlobDirectory(data_dir / "blobs")
        self.trees = TreeStore(data_dir)

    def tree(self, contents: dict[str, bytes], mode: int = 0o644) -> FileTree:
        return FileTree(
            tuple(FileEntry(path, self.blobs.put(data), len(data), mode) for path, data in sorted(contents.items()))
        )

    def materialise(self, contents: dict[str, bytes], mode: int = 0o644) -> Path:
        return self.trees.materialise(self.tree(contents, mode), self.blobs)

    def left(self) -> set[str]:
        return {path.name for path in (self.root / "trees").iterdir()} - {".locks"}


def flat(nested: dict[str, object], prefix: str = "") -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            contents |= flat(value, f"{prefix}{name}/")
        else:
            assert isinstance(value, bytes)
            contents[prefix + name] = value
    return contents


def seen(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@settings(max_examples=40, deadline=None)
@given(nested=st.dictionaries(NAMES, NESTED, max_size=4))
def test_a_tree_has_exactly_its_files(tmp_path_factory: pytest.TempPathFactory, nested: dict[str, object]) -> None:
    """Any safe names, nested in any way, empty files and the empty tree included."""
    bench = Bench(tmp_path_factory.mktemp("data"))
    contents = flat(nested)
    root = bench.materialise(contents)
    assert root.is_dir()
    assert seen(root) == contents
    bench.trees.close()


def test_a_tree_of_one_file_without_a_name_is_a_file(tmp_path: Path) -> None:
    """add_local_file mounts a file, not a directory."""
    bench = Bench(tmp_path)
    path = bench.materialise({"": b"alone"})
    assert path.is_file()
    assert path.read_bytes() == b"alone"
    assert path == bench.materialise({"": b"alone"})
    bench.trees.close()


@pytest.mark.parametrize(("mode", "expected"), [(0o644, 0o444), (0o755, 0o555), (0o600, 0o444), (0o6777, 0o555)])
def test_files_keep_their_execute_bits_and_lose_the_rest(tmp_path: Path, mode: int, expected: int) -> None:
    """Nobody may write, everybody in the container may read, set-user-id does not travel."""
    bench = Bench(tmp_path)
    path = bench.materialise({"bin/tool": b"#!"}, mode) / "bin" / "tool"
    assert stat.S_IMODE(path.stat().st_mode) == expected
    bench.trees.close()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/x",
        "../x",
        "a/../../x",
        "a/..",
        ".",
        "./a",
        "a//b",
        "a/",
        "/",
        "a\0b",
        "x" * 256,
        "\ud800",
        "ä" * 128,
        "d" * 200 + "/d" * 2000,
    ],
)
def test_hostile_paths_are_refused(tmp_path: Path, path: str) -> None:
    """Nothing is written anywhere for a tree with a path that climbs out, is absolute or cannot be a name."""
    bench = Bench(tmp_path / "data")
    blob = bench.blobs.put(b"x")
    with pytest.raises(InvalidError, match="cannot be laid out"):
        bench.trees.materialise(FileTree((FileEntry("fine", blob, 1), FileEntry(path, blob, 1))), bench.blobs)
    assert not (tmp_path / "data" / "trees").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "data"]


@pytest.mark.parametrize(
    "paths", [["a", "a"], ["a", "a/b"], ["a/b", "a"], ["a/b/c", "a"], ["", "a"], ["", ""]], ids=str
)
def test_contradictory_trees_are_refused(tmp_path: Path, paths: list[str]) -> None:
    """One path twice, a file that is also a directory, a nameless file among others."""
    bench = Bench(tmp_path)
    blob = bench.blobs.put(b"x")
    with pytest.raises(InvalidError):
        bench.trees.materialise(FileTree(tuple(FileEntry(path, blob, 1) for path in paths)), bench.blobs)


@pytest.mark.parametrize("entry", [FileEntry("a", "../../x", 1), FileEntry("a", "0" * 64, 1, -1)], ids=["blob", "mode"])
def test_impossible_entries_are_refused(tmp_path: Path, entry: FileEntry) -> None:
    """A blob that is no hash, a mode that is none."""
    bench = Bench(tmp_path)
    with pytest.raises(InvalidError, match="'a'"):
        bench.trees.materialise(FileTree((entry,)), bench.blobs)


def test_a_tree_with_a_missing_or_damaged_blob_leaves_nothing(tmp_path: Path) -> None:
    """A half-made tree is never seen; once the blob is back the same tree can be made."""
    bench = Bench(tmp_path)
    tree = bench.tree({"a": b"1", "b": b"22"})
    path = bench.blobs.path(tree.entries[1].blob)
    path.chmod(0o600)
    path.write_bytes(b"2")
    with pytest.raises(BackendError, match="removed"):
        bench.trees.materialise(tree, bench.blobs)
    with pytest.raises(KeyError):
        bench.trees.materialise(tree, bench.blobs)
    assert bench.left() == set()
    assert seen(bench.materialise({"a": b"1", "b": b"22"})) == {"a": b"1", "b": b"22"}
    bench.trees.close()


def test_writing_to_a_tree_does_not_reach_the_store(tmp_path: Path) -> None:
    """What runs as root may ignore permissions; the blob stays what it is."""
    bench = Bench(tmp_path)
    path = bench.materialise({"a": b"1"}) / "a"
    path.chmod(0o600)
    path.write_bytes(b"2")
    assert bench.blobs.get(bench.tree({"a": b"1"}).entries[0].blob) == b"1"
    bench.trees.close()


def test_processes_that_make_one_tree_at_once_get_the_same(tmp_path: Path) -> None:
    """All succeed, the tree is whole, and nothing else is left."""
    command = [sys.executable, "-c", MAKER, str(tmp_path), "300"]
    makers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for maker in makers:
        assert maker.stdout is not None
        maker.stdout.readline()
    outputs = {maker.communicate("go\n\n")[0] for maker in makers}
    (output,) = outputs
    assert len(seen(Path(output.strip()))) == 300
    assert Bench(tmp_path).left() == {Path(output.strip()).name}


def test_a_kill_amid_the_making_leaves_no_half_tree(tmp_path: Path) -> None:
    """After kill -9 there is the whole tree or none, and what the kill left is removed in time."""
    bench = Bench(tmp_path)
    command = [sys.executable, "-c", MAKER, str(tmp_path), "3000"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        assert maker.stdin is not None
        maker.stdout.readline()
        maker.stdin.write("go\n")
        maker.stdin.flush()
        while not list(tmp_path.glob("trees/.tmp-*/*/*/*")):
            assert maker.poll() is None
        maker.send_signal(signal.SIGKILL)
    left = bench.left()
    assert left
    assert all(name.startswith(".tmp-") for name in left)
    bench.trees.prune()
    assert bench.left() == left  # it could be another's work of this minute
    for name in left:
        os.utime(tmp_path / "trees" / name, (1, 1))
    bench.trees.prune()
    assert bench.left() == set()


@pytest.mark.parametrize("contents", [{"a": b"1", "d/b": b"2"}, {"": b"1"}], ids=["directory", "file"])
@pytest.mark.parametrize("harm", [b"", b"9", None], ids=["emptied", "changed", "gone"])
def test_a_tree_from_before_a_power_failure_is_checked_and_repaired(
    tmp_path: Path, contents: dict[str, bytes], harm: bytes | None
) -> None:
    """The first use after the machine was started looks at every file; a tree that lost bytes is made anew."""
    bench = Bench(tmp_path)
    root = bench.materialise(contents)
    bench.trees.close()
    (tmp_path / "trees" / ".locks" / root.name).write_text("another boot")
    assert bench.materialise(contents) == root
    (tmp_path / "trees" / ".locks" / root.name).write_text("another boot")
    victim = root if root.is_file() else root / "a"
    victim.unlink()
    if harm is not None:
        victim.write_bytes(harm)
    assert bench.materialise(contents) == root
    assert (root.read_bytes() if root.is_file() else (root / "a").read_bytes()) == b"1"
    assert bench.left() == {root.name}
    assert [path.name for path in (tmp_path / "trees" / ".locks").iterdir()] == [root.name]
    bench.trees.close()


def test_pruning_spares_what_a_process_holds(tmp_path: Path) -> None:
    """A lease of any process keeps a tree; kill -9 ends the lease."""
    bench = Bench(tmp_path)
    command = [sys.executable, "-c", MAKER, str(tmp_path), "3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.stdin.write("go\n")
        holder.stdin.flush()
        held = Path(holder.stdout.readline().strip())
        assert bench.trees.prune() == ()
        assert held.is_dir()
        holder.send_signal(signal.SIGKILL)
    assert bench.trees.prune() == (held.name,)
    assert bench.left() == set()


def test_pruning_goes_by_the_time_since_a_tree_was_last_asked_for(tmp_path: Path) -> None:
    """Asking for a tree makes it young again; an own lease protects it until close."""
    bench = Bench(tmp_path)
    old, young = bench.tree({"a": b"1"}), bench.tree({"a": b"2"})
    for tree in (old, young):
        bench.trees.materialise(tree, bench.blobs)
    assert bench.trees.prune() == ()
    bench.trees.close()
    os.utime(tmp_path / "trees" / ".locks" / content_hash(old), (1, 1))
    assert bench.trees.prune(older_than_s=3600) == (content_hash(old),)
    again = bench.trees.materialise(old, bench.blobs)
    assert seen(again) == {"a": b"1"}
    assert bench.trees.prune(older_than_s=0) == (content_hash(young),)
    bench.trees.close()
