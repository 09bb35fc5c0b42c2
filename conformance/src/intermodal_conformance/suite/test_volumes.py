"""volume.*: two containers and a client. Random programs of them are in `test_programs`."""

from __future__ import annotations

import contextlib
import io
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from intermodal import App, Queue, Sandbox, Volume
from intermodal.exception import CapabilityNotSupported, ContainerLostError, InvalidError
from intermodal.plugins import Config
from intermodal_conformance.apps.common import SMALL, app
from intermodal_conformance.apps.volumes import First, Second, nowhere, read_only, volume
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.target import Target, committing_every

MOUNTED = ("volume.snapshot", "volume.commit", "volume.reload", "volume.crash", "volume.paths")
_PATIENCE_S = 60.0


@pytest.fixture
def directory() -> str:
    """A test's own part of the volume that all share."""
    return f"d-{uuid.uuid4().hex[:8]}"


def put(path: str, data: bytes) -> None:
    """Publish a file from here."""
    with volume.batch_upload(force=True) as batch:
        batch.put_file(io.BytesIO(data), path)


def outside(directory: str) -> dict[str, bytes]:
    """The files that the head has in a directory."""
    try:
        entries = volume.listdir(directory, recursive=True)
    except FileNotFoundError:
        return {}
    files = [entry.path for entry in entries if entry.type.value == "file"]
    return {path: b"".join(volume.read_file(path)) for path in files}


@pytest.mark.parametrize("name", [pytest.param(name, marks=refusal(name, capability="volumes")) for name in MOUNTED])
def test_volumes_that_cannot_be_mounted_are_refused(target: Target, name: str) -> None:
    """By name, when the function is called."""
    with pytest.raises(CapabilityNotSupported, match="volumes"):
        nowhere.remote()


@requirement("volume.snapshot", capability="volumes")
def test_nothing_of_others_is_seen_before_a_reload(target: Target, directory: str) -> None:
    """Own writes are, at once."""
    first, second = First(), Second()
    assert second.see.remote(directory) == {}
    assert first.do.remote("write", f"{directory}/x", "1") == ""
    assert first.see.remote(directory) == {f"{directory}/x": "644 1"}
    assert first.do.remote("commit") == ""
    put(f"{directory}/y", b"2")
    assert second.see.remote(directory) == {}
    assert first.see.remote(directory) == {f"{directory}/x": "644 1"}
    assert second.do.remote("reload") == ""
    assert second.see.remote(directory) == {f"{directory}/x": "644 1", f"{directory}/y": "644 2"}


@requirement("volume.commit", capability="volumes")
def test_commits_merge_by_path(target: Target, directory: str) -> None:
    """The last writer of a path wins; what a container wrote before does not come back over what is newer."""
    first, second = First(), Second()
    first.do.remote("write", f"{directory}/both", "1")
    first.do.remote("write", f"{directory}/first", "1")
    second.do.remote("write", f"{directory}/both", "2")
    second.do.remote("write", f"{directory}/second", "2")
    first.do.remote("commit")
    assert outside(directory) == {f"{directory}/both": b"1", f"{directory}/first": b"1"}
    second.do.remote("commit")
    everything = {f"{directory}/both": b"2", f"{directory}/first": b"1", f"{directory}/second": b"2"}
    assert outside(directory) == everything
    first.do.remote("write", f"{directory}/third", "3")
    first.do.remote("commit")
    assert outside(directory) == {**everything, f"{directory}/third": b"3"}


@requirement("volume.commit", capability="volumes")
def test_a_container_commits_when_it_ends(target: Target, directory: str) -> None:
    """However it ends."""
    first = First()
    first.do.remote("write", f"{directory}/x", "1")
    with pytest.raises(ContainerLostError):
        first.do.remote("die", f"{directory}/x")
    assert outside(directory) == {f"{directory}/x": b"1"}


def write_and_stay(path: str, line: Queue) -> None:
    """Goes on until it is told to end; what it wrote it commits nowhere."""
    place = Path("/data", path)
    place.parent.mkdir(parents=True)
    place.write_text("1")
    line.put("written", partition="said")
    line.get(partition="go")


@requirement("volume.commit", capability="volumes")
def test_a_container_commits_while_it_runs(target: Target, directory: str) -> None:
    """By and by, without being asked. On a server its own setting says how often."""
    if Config.load().get("server_url"):
        return
    own = App("conformance-commits")
    stays = own.function(serialized=True, **SMALL, volumes={"/data": volume})(write_and_stay)
    with committing_every(0.2, target), own.run(), Queue.ephemeral() as line:
        call = stays.spawn(f"{directory}/x", line)
        assert line.get(partition="said", timeout=_PATIENCE_S) == "written"
        end = time.monotonic() + _PATIENCE_S
        while outside(directory) != {f"{directory}/x": b"1"}:
            assert time.monotonic() < end, f"nothing was committed within {_PATIENCE_S:g} s"
            time.sleep(0.05)
        line.put("enough", partition="go")
        call.get()


@contextlib.contextmanager
def sandbox(target: Target) -> Iterator[Sandbox | None]:
    """One with the volume; None where the backend refuses sandboxes, by name."""
    if "exec" not in target.supported:
        with pytest.raises(CapabilityNotSupported, match="exec"):
            Sandbox.create(app=app, volumes={"/data": volume})
        yield None
        return
    made = Sandbox.create(app=app, volumes={"/data": volume})
    try:
        yield made
    finally:
        made.terminate()


@requirement("volume.commit", capability="volumes")
def test_a_sandbox_commits_when_it_ends(target: Target, directory: str) -> None:
    """Before anybody hears of its end."""
    with sandbox(target) as box:
        if box is None:
            return
        assert box.exec("sh", "-c", f"mkdir -p /data/{directory}; printf 1 > /data/{directory}/x").wait() == 0
        box.terminate()
        assert outside(directory) == {f"{directory}/x": b"1"}


@requirement("volume.reload", capability="volumes")
def test_a_sandbox_is_shown_the_head(target: Target, directory: str) -> None:
    """What it wrote is published; in use, it is refused and told by what."""
    with sandbox(target) as box:
        if box is None:
            return
        box.exec("sh", "-c", f"mkdir -p /data/{directory}; printf 1 > /data/{directory}/own").wait()
        put(f"{directory}/theirs", b"2")
        assert box.exec("cat", f"/data/{directory}/theirs").wait() == 1
        box.reload_volumes()
        assert outside(directory) == {f"{directory}/own": b"1", f"{directory}/theirs": b"2"}
        process = box.exec("sh", "-c", "cat theirs; echo; read x", workdir=f"/data/{directory}", bufsize=1)
        assert next(iter(process.stdout)) == "2\n"
        with pytest.raises(RuntimeError, match=f"/data/{directory}"):
            box.reload_volumes()


@requirement("volume.reload", capability="volumes")
def test_a_reload_is_refused_while_the_volume_is_in_use(target: Target, directory: str) -> None:
    """By an open file or a working directory, which it names; what was written is committed all the same."""
    first = First()
    first.do.remote("write", f"{directory}/x", "1")
    assert f"/data/{directory}/x" in first.reload_with.remote("file", f"{directory}/x")
    assert outside(directory) == {f"{directory}/x": b"1"}
    assert f"/data/{directory}" in first.reload_with.remote("cwd", f"{directory}/x")
    put(f"{directory}/x", b"2")
    assert first.see.remote(directory) == {f"{directory}/x": "644 1"}
    assert first.do.remote("reload") == ""
    assert first.see.remote(directory) == {f"{directory}/x": "644 2"}


@requirement("volume.paths", capability="volumes")
def test_what_a_container_cannot_do_with_a_volume(target: Target, directory: str) -> None:
    """Rename a directory of an earlier version, or write to one that is mounted read-only."""
    put(f"{directory}/old/x", b"1")
    first = First()
    first.do.remote("reload")
    assert "Invalid cross-device link" in first.do.remote("rename", f"{directory}/old", f"{directory}/new")
    assert read_only.remote("x") == "Read-only file system"
    for path in ("/", "/tmp", "/a/../b"):
        with pytest.raises(InvalidError):
            App("x", volumes={path: volume})


@requirement("volume.client")
def test_a_volume_from_outside(target: Target) -> None:
    """List, read, upload, copy, remove; what is missing is `FileNotFoundError`."""
    with Volume.ephemeral() as box:
        with box.batch_upload() as batch:
            batch.put_file(io.BytesIO(b"1"), "/a/b")
        with pytest.raises(FileExistsError), box.batch_upload() as batch:
            batch.put_file(io.BytesIO(b"2"), "/a/b")
        box.copy_files(["a/b"], "c")
        assert [entry.path for entry in box.iterdir("/")] == ["a", "a/b", "c"]
        assert b"".join(box.read_file("c")) == b"1"
        box.remove_file("a", recursive=True)
        assert [entry.path for entry in box.listdir("/")] == ["c"]
        for act in (box.listdir, box.remove_file, lambda path: list(box.read_file(path))):
            with pytest.raises(FileNotFoundError):
                act("a")


@requirement("volume.crash", capability="volumes")
def test_a_container_that_is_killed_leaves_a_whole_version(target: Target, directory: str) -> None:
    """What was published before is there, whatever its end interrupts."""
    first = First()
    put(f"{directory}/x", b"1")
    first.do.remote("reload")
    first.do.remote("write", f"{directory}/x", "2")
    with pytest.raises(ContainerLostError):
        first.do.remote("die", f"{directory}/x")
    assert outside(directory) in ({f"{directory}/x": b"1"}, {f"{directory}/x": b"2"})
