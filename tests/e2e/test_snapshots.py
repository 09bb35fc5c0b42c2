"""Snapshots of sandboxes outlast their run, on every backend that is here (sandbox.files)."""

from __future__ import annotations

from typing import Any

import pytest
from workplace import Workplace

import intermodal
from intermodal.exception import InvalidError

APP = """
import sys
import intermodal

app = intermodal.App("snapshots")
image = intermodal.Image.debian_slim().env({"FROM": "image", "DOLLARS": "$HOME"}).workdir("/srv")
secret = intermodal.Secret.from_dict({"TOKEN": "do-not-keep-this"})


@app.local_entrypoint()
def take():
    sandbox = intermodal.Sandbox.create(app=app, image=image, secrets=[secret])
    assert sandbox.exec("sh", "-c", 'test "$TOKEN" && echo first > /root/made').wait() == 0
    print(sandbox.snapshot_filesystem().object_id)


@app.local_entrypoint()
def use(id: str):
    kept = intermodal.Image.from_id(id)
    script = 'cat /root/made; pwd; echo "$FROM $DOLLARS [$TOKEN]"'
    first = intermodal.Sandbox.create(app=app, image=kept)
    print(first.exec("sh", "-c", script).stdout.read(), end="")
    first.exec("sh", "-c", "echo second >> /root/made").wait()
    again = first.snapshot_filesystem()
    print(intermodal.Sandbox.create("cat", "/root/made", app=app, image=again).stdout.read(), end="")
    print(again.object_id)
"""
SEEN = "first\n/srv\nimage $HOME []\nfirst\nsecond\n"


def test_a_snapshot_is_found_by_another_process_until_it_is_pruned(place: Workplace, backend: str) -> None:
    """With what its image sets, and nothing of the sandbox's secrets; snapshots of it, too."""
    place.write("app.py", APP)

    def intermodal(*words: str, fails: bool = False) -> str:
        env = {"INTERMODAL_BACKEND": backend, "INTERMODAL_DATA_DIR": str(place.directory / "data")}
        done = place.intermodal(*words, env=env)
        assert bool(done.returncode) == fails, done.stderr
        return done.stderr if fails else done.stdout

    id = intermodal("run", "--quiet", "app.py::take").strip()
    *seen, later = intermodal("run", "--quiet", "app.py::use", "--id", id).splitlines(keepends=True)
    assert "".join(seen) == SEEN
    listed = intermodal("image", "ls")
    for each in (id, later.strip()):
        assert each.removeprefix("im-")[:12] in listed
        assert "snapshot of sb-" in intermodal("image", "inspect", each)
    intermodal("image", "prune", "--all")
    assert "snapshot of sb-" not in intermodal("image", "ls")
    error = intermodal("run", "--quiet", "app.py::use", "--id", id, fails=True)
    assert "there is no snapshot" in error
    assert "intermodal image prune" in error


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("", "begins with 'im-'"), ("sb-1", "begins with 'im-'"), (7, "must be text"), (None, "must be text")],
)
def test_what_is_no_id_is_refused(wrong: Any, said: str) -> None:
    """At once."""
    with pytest.raises(InvalidError, match=said):
        intermodal.Image.from_id(wrong)
