"""Volumes in sandboxes, on every backend that is here (volume.*, sandbox.*)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from app_sandbox_volumes import Other, app, shared, with_a_sandbox

import intermodal
from intermodal.exception import InvalidError

Sandbox = intermodal.Sandbox
Volume = intermodal.Volume


@pytest.fixture(scope="module")
def running(backend: str) -> Iterator[intermodal.App]:
    """The app, on one backend after another. Nothing is committed by itself but at an end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERMODAL_VOLUME_COMMIT_S", "3600")
        with app.run(backend=backend):
            yield app


def content(volume: Volume) -> dict[str, str]:
    """All files of a volume, seen from here."""
    return {entry.path: b"".join(volume.read_file(entry.path)).decode() for entry in volume.iterdir("/")}


def put(volume: Volume, path: str, text: str) -> None:
    """Publish a file from here."""
    with volume.batch_upload(force=True) as batch:
        batch.put_file(io.BytesIO(text.encode()), path)


def said(sandbox: Sandbox, script: str) -> str:
    """Both outputs of a shell's script."""
    process = sandbox.exec("sh", "-c", f"exec 2>&1; {script}")
    return process.stdout.read()


def test_a_sandbox_sees_its_volumes_as_they_were_when_it_started(running: intermodal.App) -> None:
    """And its own writes; others' after a reload, which publishes its own. Nothing can be written to one that is read
    only (volume.snapshot, volume.reload)."""
    with Volume.ephemeral() as data, Volume.ephemeral() as fixed:
        put(data, "first", "1")
        put(fixed, "given", "2")
        sandbox = Sandbox.create(app=running, volumes={"/data": data, "/fixed/here": fixed.read_only()})
        assert said(sandbox, "cat /data/first /fixed/here/given; echo 3 > /data/mine") == "12"
        assert "Read-only file system" in said(sandbox, "echo x > /fixed/here/x")
        put(data, "theirs", "4")
        put(fixed, "given", "5")
        assert said(sandbox, "ls /data") == "first\nmine\n"
        assert sorted(content(data)) == ["first", "theirs"]
        sandbox.reload_volumes()
        assert said(sandbox, "cat /data/theirs /data/mine /fixed/here/given") == "43\n5"
        assert content(data)["mine"] == "3\n"
        sandbox.terminate()
        assert content(fixed) == {"given": "5"}


def test_a_reload_names_what_is_open(running: intermodal.App) -> None:
    """A process of the sandbox has its working directory there (volume.reload)."""
    with Volume.ephemeral() as data:
        sandbox = Sandbox.create(app=running, volumes={"/data": data})
        process = sandbox.exec("sh", "-c", "echo ready; read line", workdir="/data", bufsize=1)
        assert next(iter(process.stdout)) == "ready\n"
        with pytest.raises(RuntimeError, match=r"working directory /data \(process sh\)"):
            sandbox.reload_volumes()
        process.stdin.write("\n")
        process.stdin.drain()
        assert process.wait() == 0
        sandbox.reload_volumes()
        sandbox.terminate()


def fails(running: intermodal.App, data: Volume) -> None:
    sandbox = Sandbox.create("sh", "-c", "echo last > /data/x; exit 3", app=running, volumes={"/data": data})
    sandbox.wait()
    assert sandbox.returncode == 3


def is_terminated(running: intermodal.App, data: Volume) -> None:
    sandbox = Sandbox.create(app=running, volumes={"/data": data})
    assert sandbox.exec("sh", "-c", "echo last > /data/x").wait() == 0
    sandbox.terminate()


@pytest.mark.parametrize("end", [fails, is_terminated])
def test_an_end_publishes(running: intermodal.App, end: Callable[[intermodal.App, Volume], None]) -> None:
    """Whatever ends it: who has waited for the end finds what it wrote (volume.commit)."""
    with Volume.ephemeral() as data:
        end(running, data)
        assert content(data) == {"x": "last\n"}


def test_a_volume_is_shared_with_functions(running: intermodal.App) -> None:
    """They see each other's commits; a function's own sandboxes have volumes, too."""
    other = Other()
    other.write.remote("from-function", "f")
    sandbox = Sandbox.create(app=running, volumes={"/data": shared})
    assert said(sandbox, "cat /data/from-function; echo s > /data/from-sandbox") == "f"
    sandbox.reload_volumes()
    assert other.read.remote("from-sandbox") == "s\n"
    other.write.remote("from-function", "again")
    sandbox.reload_volumes()
    assert said(sandbox, "cat /data/from-function") == "again"
    with_a_sandbox.remote("n")
    assert other.read.remote("nested") == "n\n"
    sandbox.terminate()


def test_a_snapshot_leaves_volumes_out(running: intermodal.App) -> None:
    """It is of the sandbox's own files (sandbox.files)."""
    with Volume.ephemeral() as data:
        sandbox = Sandbox.create(app=running, volumes={"/data": data})
        said(sandbox, "echo v > /data/x; echo own > /root/y")
        image = sandbox.snapshot_filesystem()
        sandbox.terminate()
        later = Sandbox.create(app=running, image=image)
        assert said(later, "cat /root/y; ls -A /data") == "own\n"
        later.terminate()


def test_what_can_never_be_mounted_is_refused(running: intermodal.App) -> None:
    """Before anything starts, as for functions (volume.paths)."""
    for volumes in ({"/tmp": shared}, {"data": shared}, {"/a": shared, "/b": shared}, {"/a": "shared"}):
        with pytest.raises(InvalidError, match=r"Sandbox\.create: .*[Vv]olume"):
            Sandbox.create(app=running, volumes=volumes)


def test_the_end_of_a_run_publishes(backend: str) -> None:
    """What nobody terminated."""
    with Volume.ephemeral() as data:
        last = intermodal.App("last-of-sandboxes")
        with last.run(backend=backend):
            sandbox = Sandbox.create(app=last, volumes={"/data": data})
            assert sandbox.exec("sh", "-c", "echo end > /data/x").wait() == 0
        assert content(data) == {"x": "end\n"}
