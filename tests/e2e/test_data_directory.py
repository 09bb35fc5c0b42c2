"""What sessions keep in the data directory: where a plugin puts it, and what is removed while others run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

APP = """
import sys
import intermodal

app = intermodal.App("kept")
image = intermodal.Image.debian_slim().add_local_file("note.txt", "/root/note.txt")


@app.function(image=image, max_containers=1, single_use_containers=True)
def note(n: int) -> str:
    return f"{n} {open('/root/note.txt').read()}"


@app.local_entrypoint()
def main() -> None:
    print(note.remote(1), flush=True)
    sys.stdin.readline()
    print(note.remote(2), flush=True)
"""
#: Keeps blobs zipped, in a directory of its own: nothing that reads core's directory could take them for its own.
ZIPPED = """
import hashlib
import zlib
from pathlib import Path

from intermodal.plugins import hookimpl

ROOT = Path(__file__).parent / "zipped"


class Zipped:
    async def put(self, data):
        data = data.read_bytes() if isinstance(data, Path) else data
        blob = hashlib.sha256(data).hexdigest()
        ROOT.mkdir(exist_ok=True)
        (ROOT / blob).write_bytes(zlib.compress(data))
        return blob

    async def get(self, blob):
        return zlib.decompress((ROOT / blob).read_bytes())

    async def has(self, blob):
        return (ROOT / blob).exists()

    async def stream(self, blob, chunk=1 << 20):
        yield await self.get(blob)

    async def read_ref(self, name):
        return None

    async def swap_ref(self, name, expected, value):
        return False

    async def close(self):
        (ROOT / "closed").touch()


@hookimpl
def intermodal_storage(config):
    return Zipped()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an app that starts a container, waits for a line, and starts another."""
    (tmp_path / "pyproject.toml").write_text("[tool.intermodal]\n")
    (tmp_path / "kept.py").write_text(APP)
    (tmp_path / "note.txt").write_text(f"about {tmp_path.name}")
    return tmp_path


def start(project: Path, data: Path) -> subprocess.Popen[str]:
    """`intermodal run kept.py`, which answers 1 at once and 2 after a line."""
    return subprocess.Popen(
        [sys.executable, "-m", "intermodal.cli", "run", "kept.py"],
        cwd=project,
        env={**os.environ, "INTERMODAL_DATA_DIR": str(data)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first(run: subprocess.Popen[str]) -> str:
    """Its first line."""
    assert run.stdout is not None
    return run.stdout.readline().strip()


def finish(run: subprocess.Popen[str]) -> str:
    """Let it go on, and give what it printed then."""
    out, err = run.communicate("\n", timeout=120)
    assert run.returncode == 0, err
    return out.strip()


def prune(project: Path, data: Path) -> dict[str, Any]:
    """`intermodal image prune --all`."""
    done = subprocess.run(
        [sys.executable, "-m", "intermodal.cli", "image", "prune", "--all", "--json"],
        cwd=project,
        env={**os.environ, "INTERMODAL_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_plugins_storage_is_the_one_that_is_used(project: Path, tmp_path: Path) -> None:
    """The session's source and files are put there and nowhere else first, and it is closed at the end."""
    (project / "intermodal_plugins.py").write_text(ZIPPED)
    data = tmp_path / "data"
    run = start(project, data)
    assert first(run) == f"1 about {project.name}"
    assert data.stat().st_mode & 0o777 == 0o700  # others have no business there
    assert finish(run) == f"2 about {project.name}"
    kept = {path.name for path in (project / "zipped").iterdir()}
    here = {path.name for path in (data / "blobs").rglob("*") if path.is_file()}
    assert here <= kept - {"closed"}
    assert here
    assert "closed" in kept
    shutil.rmtree(data / "blobs")
    again = start(project, data)
    assert first(again) == f"1 about {project.name}"
    assert finish(again) == f"2 about {project.name}"


def test_pruning_leaves_alone_what_two_running_sessions_use(project: Path, tmp_path: Path) -> None:
    """Both start containers afterwards; when they have ended, everything goes."""
    data = tmp_path / "data"
    other = tmp_path / "other"
    shutil.copytree(project, other, ignore=shutil.ignore_patterns("data", "other"))
    (other / "note.txt").write_text("about another")
    one, two = start(project, data), start(other, data)
    assert (first(one), first(two)) == (f"1 about {project.name}", "1 about another")
    held = prune(project, data)
    assert (held["removed"], held["trees"], held["blobs"]) == ([], [], 0)
    assert (finish(one), finish(two)) == (f"2 about {project.name}", "2 about another")
    freed = prune(project, data)
    assert freed["trees"]
    assert freed["removed"]
    assert freed["blobs"]
    assert [path for path in (data / "blobs").rglob("*") if path.is_file()] == []
    assert list((data / "guest").iterdir()) == []
    assert list((data / "local" / "base").glob("[0-9a-f]*")) == []
    assert [path.name for path in (data / "trees").iterdir()] == [".locks"]
    run = start(project, data)
    assert first(run) == f"1 about {project.name}"
    assert finish(run) == f"2 about {project.name}"
