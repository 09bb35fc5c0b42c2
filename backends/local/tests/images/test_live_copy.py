"""The files of a running container are copied as they are, and nothing else is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from intermodal.exception import BackendError
from intermodal_local.images.live_copy import copy_tree
from swapping import swapping


def test_a_copy_is_what_an_overlay_would_show(tmp_path: Path) -> None:
    """Modes, times, links of both kinds, empty directories, and the marks of what was removed."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "closed").mkdir(parents=True)
    (source / "file").write_bytes(b"content")
    os.link(source / "file", source / "same")
    os.symlink("/etc/passwd", source / "link")
    os.mknod(source / "gone", stat.S_IFCHR, 0)
    os.setxattr(source / "closed", "user.overlay.opaque", b"y")
    os.chmod(source / "file", 0o4711)
    os.utime(source / "file", ns=(1, 1_234_567_890_123_456_789))
    os.chmod(source / "closed", 0o700)
    copy_tree(str(source), str(target))
    assert sorted(os.listdir(target)) == ["closed", "file", "gone", "link", "same"]
    copied = os.lstat(target / "file")
    assert (stat.S_IMODE(copied.st_mode), copied.st_mtime_ns) == (0o4711, 1_234_567_890_123_456_789)
    assert copied.st_ino == os.lstat(target / "same").st_ino
    assert os.readlink(target / "link") == "/etc/passwd"
    gone = os.lstat(target / "gone")
    assert (stat.S_ISCHR(gone.st_mode), gone.st_rdev) == (True, 0)
    assert os.getxattr(target / "closed", "user.overlay.opaque") == b"y"


def test_links_that_appear_meanwhile_lead_nowhere(tmp_path: Path) -> None:
    """A program that swaps a directory for a link to one of the host, over and over, gets none of the host's files."""
    source, outside = tmp_path / "source", tmp_path / "outside"
    (source / "d").mkdir(parents=True)
    outside.mkdir()
    for number in range(100):
        (source / "d" / str(number)).write_text("own")
    (source / "d" / "secret").write_text("own")
    (outside / "secret").write_text("the host's")
    os.symlink(outside, source / "link")
    with swapping(source / "d", source / "link"):
        for number in range(30):
            target = tmp_path / f"copy-{number}"
            try:
                copy_tree(str(source), str(target))
            except BackendError:
                continue  # it says so where it gets in the way too often
            for name in ("d", "link"):
                place = target / name / "secret"
                assert (target / name).is_symlink() or not place.exists() or place.read_text() == "own"


def test_what_cannot_be_copied_is_told(tmp_path: Path) -> None:
    """In tar's own words."""
    with pytest.raises(BackendError, match="could not be copied: tar: "):
        copy_tree(str(tmp_path / "nothing"), str(tmp_path / "target"))
