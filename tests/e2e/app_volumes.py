"""Functions that read and write volumes."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import intermodal

app = intermodal.App("volumes")
patient = intermodal.App("patient")
volume = intermodal.Volume.from_name("shared", create_if_missing=True)
other = intermodal.Volume.from_name("other", create_if_missing=True)
DATA = Path("/data")


def tree(directory: str) -> dict[str, str]:
    """What is in a directory of /data: files by path, with their content."""
    found = sorted((DATA / directory).rglob("*"))
    return {str(path.relative_to(DATA)): path.read_text() for path in found if path.is_file()}


@app.cls(volumes={"/data": volume, "/other": other}, max_containers=1)
class Writer:
    """One container."""

    @intermodal.method()
    def write(self, path: str, content: str, commit: bool = False) -> None:
        """Write a file."""
        (DATA / path).parent.mkdir(parents=True, exist_ok=True)
        (DATA / path).write_text(content)
        if commit:
            volume.commit()

    @intermodal.method()
    def remove(self, path: str) -> None:
        """Remove a file and publish that."""
        (DATA / path).unlink()
        volume.commit()

    @intermodal.method()
    def other(self) -> list[str]:
        """Write to the second volume."""
        Path("/other/x").write_text("2")
        other.commit()
        return [entry.path for entry in other.listdir("/")]

    @intermodal.method()
    def kinds(self) -> dict[str, Any]:
        """Everything that a volume keeps."""
        made = DATA / "kinds"
        made.mkdir()
        (made / "run").write_text("#!/bin/sh")
        (made / "run").chmod(0o750)
        (made / "link").symlink_to("run")
        (made / "empty").mkdir(mode=0o700)
        (made / "grüße").write_bytes(b"")
        volume.commit()
        return {path.name: path.lstat().st_mode for path in made.iterdir()}

    @intermodal.method()
    def die(self) -> None:
        """End at once."""
        os.kill(os.getpid(), 9)


@app.function(volumes={"/data": volume}, single_use_containers=True)
def write_pairs(name: str, told: intermodal.Dict) -> None:
    """Two files that always belong together, again and again until it is told that this is enough."""
    (DATA / "pairs").mkdir(exist_ok=True)
    for number in itertools.count():
        if told.contains("enough"):
            break
        (DATA / "pairs" / "one").write_text(f"{name} {number}")
        (DATA / "pairs" / "two").write_text(f"{name} {number}")
        volume.commit()


@app.cls(volumes={"/data": volume}, max_containers=1)
class Reader:
    """Another."""

    @intermodal.method()
    def see(self, directory: str) -> dict[str, str]:
        """What this container sees."""
        return tree(directory)

    @intermodal.method()
    def reload(self, directory: str) -> dict[str, str]:
        """The same after a reload."""
        volume.reload()
        return tree(directory)

    @intermodal.method()
    def reload_while_open(self, path: str) -> str:
        """What a reload says while a file is open; and while a child has its working directory there."""
        said = []
        (DATA / f"{path}.mine").write_text("1")
        with open(DATA / path) as file:
            said.append(_refusal())
            assert file.read()
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=(DATA / path).parent)
        try:
            said.append(_refusal())
        finally:
            child.communicate(b"\n")
        return "\n".join(said)

    @intermodal.method()
    def rename_directory(self, old: str, new: str) -> str:
        """How renaming a directory ends."""
        try:
            os.rename(DATA / old, DATA / new)
        except OSError as error:
            return os.strerror(error.errno or 0)
        return ""

    @intermodal.method()
    def unmount(self) -> str:
        """What a container that wants to be rid of its volume hears."""
        done = subprocess.run(["umount", "/data"], capture_output=True, text=True, check=False)
        return done.stderr


@app.cls(volumes={"/data": volume}, enable_memory_snapshot=True)
class Snapshot:
    """One that might have been forked from a template."""

    @intermodal.enter(snap=True)
    def load(self) -> None:
        """Before any volume is there."""
        self.loaded = True

    @intermodal.method()
    def write(self, path: str) -> bool:
        """Write and publish a file."""
        (DATA / path).parent.mkdir()
        (DATA / path).write_text("1")
        volume.commit()
        return self.loaded


@app.function()
def upload(box: intermodal.Volume) -> dict[str, str]:
    """Fill a volume that is not mounted here, and read it."""
    with box.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"1"), "a/b")
        batch.put_directory(Path(__file__).parent, "code")
    files = [entry.path for entry in box.iterdir("/a") if not entry.is_dir()]
    return {path: b"".join(box.read_file(path)).decode() for path in files}


@app.function(volumes={"/data": volume.read_only()})
def write_read_only() -> str:
    """How writing to a volume that is mounted read-only ends."""
    try:
        (DATA / "x").write_text("1")
    except OSError as error:
        return os.strerror(error.errno or 0)
    return ""


@app.function(volumes={"/data": volume}, single_use_containers=True)
def fail(content: str) -> None:
    """Write, and raise."""
    (DATA / "failing").mkdir()
    (DATA / "failing" / "x").write_text(content)
    raise ValueError("after writing")


@patient.function(volumes={"/data": volume})
def write_and_wait(path: str) -> None:
    """Write, and go on with something else."""
    (DATA / path).parent.mkdir()
    (DATA / path).write_text("1")
    time.sleep(1000)


def _refusal() -> str:
    try:
        volume.reload()
    except RuntimeError as error:
        return str(error)
    return "it reloaded"
