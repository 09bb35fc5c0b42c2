"""Files for another machine are named by all that a container would see of them, and arrive as they are."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from intermodal_docker.archives import pack
from intermodal_docker.parcels import Parcel


def tree(folder: Path) -> Path:
    """A directory with all kinds of things."""
    (folder / "empty").mkdir(parents=True)
    (folder / "below").mkdir()
    (folder / "below" / "one.py").write_text("1")
    (folder / "run").write_text("#!/bin/sh")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("below/one.py")
    return folder


def unpacked(parcel: Parcel, folder: Path) -> Path:
    """What arrives."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(pack(parcel.members())))) as tar:
        assert {entry.uid for entry in tar} <= {0}
        tar.extractall(folder, filter="tar")
    return folder


def test_the_same_files_elsewhere_have_the_same_name(tmp_path: Path) -> None:
    """Their directory is of no account, and neither is their time."""
    one, other = (Parcel.of({"": tree(tmp_path / name)}) for name in ("one", "other"))
    assert one.key == other.key
    assert one.key != Parcel.of({"sub": tmp_path / "one"}).key


@pytest.mark.parametrize("change", ["content", "name", "mode", "link", "directory"])
def test_what_a_container_would_see_changes_the_name(tmp_path: Path, change: str) -> None:
    """Each of these."""
    folder = tree(tmp_path / "tree")
    before = Parcel.of({"": folder}).key
    if change == "content":
        (folder / "below" / "one.py").write_text("2")
    elif change == "name":
        (folder / "run").rename(folder / "walk")
    elif change == "mode":
        (folder / "run").chmod(0o644)
    elif change == "link":
        (folder / "link").unlink()
        (folder / "link").symlink_to("run")
    else:
        (folder / "empty").rmdir()
    assert Parcel.of({"": folder}).key != before


def test_everything_arrives(tmp_path: Path) -> None:
    """As it was."""
    sent = Parcel.of({"tree": tree(tmp_path / "tree"), "0/single": tmp_path / "tree" / "run"})
    arrived = unpacked(sent, tmp_path / "arrived")
    assert Parcel.of({"tree": arrived / "tree", "0/single": arrived / "0" / "single"}).key == sent.key
