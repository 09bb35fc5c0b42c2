"""Volumes in real containers: what they see, when others see it, and how it all ends (volume.*)."""

from __future__ import annotations

import io
import stat
import time
from collections.abc import Callable, Iterator

import pytest
from app_volumes import (
    Reader,
    Snapshot,
    Writer,
    app,
    fail,
    patient,
    upload,
    volume,
    write_and_wait,
    write_pairs,
    write_read_only,
)

import intermodal
from intermodal.exception import ContainerLostError, InvalidError


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    """The app. Each test keeps to a directory of its own: its containers serve them all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERMODAL_VOLUME_COMMIT_S", "3600")
        with app.run():
            yield


def outside(directory: str) -> dict[str, bytes]:
    """What the volume holds there, seen from here."""
    files = [entry.path for entry in volume.iterdir("/") if entry.type.value == "file"]
    return {path: b"".join(volume.read_file(path)) for path in files if path.startswith(f"{directory}/")}


def put(path: str, content: bytes) -> None:
    """Publish a file from here."""
    with volume.batch_upload(force=True) as batch:
        batch.put_file(io.BytesIO(content), path)


def eventually(condition: Callable[[], bool]) -> None:
    """It comes true."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "this did not come true within a minute"
        time.sleep(0.05)


@pytest.mark.usefixtures("running")
def test_commit_publishes_and_reload_shows() -> None:
    """A container sees the head as of its start, and of others nothing new before a reload (volume.snapshot)."""
    reader, writer = Reader(), Writer()
    assert reader.see.remote("a") == {}
    writer.write.remote("a/b", "1")
    assert outside("a") == {}
    writer.write.remote("a/c", "2", commit=True)
    assert outside("a") == {"a/b": b"1", "a/c": b"2"}
    assert reader.see.remote("a") == {}
    assert reader.reload.remote("a") == {"a/b": "1", "a/c": "2"}
    writer.remove.remote("a/b")
    writer.write.remote("a/c", "3", commit=True)
    assert reader.reload.remote("a") == {"a/c": "3"}
    assert writer.other.remote() == ["x"]


@pytest.mark.usefixtures("running")
def test_a_reload_commits_first_and_refuses_while_files_are_open() -> None:
    """The error names the file, or the working directory, and who has it (volume.reload)."""
    reader = Reader()
    put("d/theirs", b"2")
    assert reader.reload.remote("d") == {"d/theirs": "2"}
    first, second = reader.reload_while_open.remote("d/theirs").splitlines()
    assert "/data/d/theirs (process" in first
    assert "the working directory /data/d (process" in second
    assert outside("d") == {"d/theirs": b"2", "d/theirs.mine": b"1"}
    assert reader.reload.remote("d") == {"d/theirs": "2", "d/theirs.mine": "1"}


@pytest.mark.usefixtures("running")
def test_a_commit_asserts_only_what_is_new() -> None:
    """What a container wrote long ago does not come back over what another has written since (volume.commit)."""
    writer = Writer()
    writer.write.remote("n/x", "old", commit=True)
    put("n/x", b"new")
    writer.write.remote("n/y", "1", commit=True)
    assert outside("n") == {"n/x": b"new", "n/y": b"1"}
    writer.write.remote("n/x", "newer", commit=True)
    assert outside("n") == {"n/x": b"newer", "n/y": b"1"}


@pytest.mark.usefixtures("running")
def test_what_a_volume_keeps() -> None:
    """Modes, links, empty directories and files, odd names (volume.paths)."""
    made = Writer().kinds.remote()
    kept = {entry.path: entry for entry in volume.listdir("/kinds")}
    assert {f"kinds/{name}" for name in made} == set(kept)
    assert kept["kinds/run"].mode == 0o750
    assert kept["kinds/empty"].mode == 0o700
    assert kept["kinds/link"].type.value == "link"
    assert stat.S_ISLNK(made["link"])


@pytest.mark.usefixtures("running")
def test_what_a_container_cannot_do() -> None:
    """Rename a directory of an earlier version, write where it is read-only, be rid of the mount (volume.paths)."""
    put("dir/x", b"1")
    reader = Reader()
    reader.reload.remote("dir")
    assert reader.rename_directory.remote("dir", "new") == "Invalid cross-device link"
    assert write_read_only.remote() == "Read-only file system"
    assert reader.unmount.remote()
    assert reader.see.remote("dir") == {"dir/x": "1"}


@pytest.mark.usefixtures("running")
def test_a_snapshot_is_no_hindrance() -> None:
    """Containers with volumes start without one; their template has nothing of what they write to."""
    assert Snapshot().write.remote("snapshot/x")
    assert outside("snapshot") == {"snapshot/x": b"1"}


@pytest.mark.usefixtures("running")
def test_a_container_uses_volumes_that_it_has_not_mounted() -> None:
    """With the methods that programs outside have (volume.client)."""
    with intermodal.Volume.ephemeral() as box:
        assert upload.remote(box) == {"a/b": "1"}
        assert {entry.path for entry in box.listdir("/")} == {"a", "code"}


@pytest.mark.usefixtures("running")
def test_what_a_failing_or_dying_container_wrote_is_committed() -> None:
    """On exit, whatever way it goes (volume.commit)."""
    with pytest.raises(ValueError, match="after writing"):
        fail.remote("1")
    eventually(lambda: outside("failing") == {"failing/x": b"1"})
    writer = Writer()
    writer.write.remote("dying/x", "2")
    with pytest.raises(ContainerLostError):
        writer.die.remote()
    assert outside("dying") == {"dying/x": b"2"}


@pytest.mark.usefixtures("running")
def test_two_writers_and_a_reloader() -> None:
    """No reload shows half of a commit (volume.commit)."""
    with intermodal.Dict.ephemeral() as told:
        calls = [write_pairs.spawn(name, told) for name in ("first", "second")]
        reader, seen = Reader(), set[str]()

        def seen_enough() -> bool:
            pair = reader.reload.remote("pairs")
            assert len(set(pair.values())) <= 1, pair
            seen.update(pair.values())
            return len(seen) >= 10

        eventually(seen_enough)
        told.put("enough", True)
        for call in calls:
            call.get()


def test_running_containers_commit_by_and_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being asked (volume.commit)."""
    monkeypatch.setenv("INTERMODAL_VOLUME_COMMIT_S", "0.2")
    with patient.run(show_output=False):
        write_and_wait.spawn("later/x")
        eventually(lambda: outside("later") == {"later/x": b"1"})


@pytest.mark.one_user
@pytest.mark.parametrize("path", ["/", "/tmp", "/a/../b", "relative", "/proc/x", "/root"])
def test_places_where_no_volume_can_be(path: str) -> None:
    """Said at definition (volume.paths)."""
    with pytest.raises(InvalidError, match="cannot be mounted at"):
        intermodal.App("x", volumes={path: volume})


@pytest.mark.one_user
def test_twice_is_too_often() -> None:
    """Two volumes at one place, one volume at two, one within another (volume.paths)."""
    other = intermodal.Volume.from_name("other")
    with pytest.raises(InvalidError, match="two volumes at /data"):
        intermodal.App("x", volumes={"/data": volume, "/data/": other})
    with pytest.raises(InvalidError, match="mounted twice"):
        intermodal.App("x", volumes={"/data": volume, "/more": volume})
    with pytest.raises(InvalidError, match="within"):
        intermodal.App("x", volumes={"/data": volume, "/data/in": other})
