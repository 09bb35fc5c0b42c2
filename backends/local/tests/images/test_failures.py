"""Bad builds: clear words, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intermodal.exception import CapabilityNotSupported, ImageBuildError, InvalidError
from intermodal.specs import CopyFiles, FileEntry, FileTree, PythonPackages, RunCommands, SystemPackages
from intermodal_local.images import Grounds

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


def test_the_last_output_is_in_the_error_and_all_of_it_was_streamed(workshop: Any) -> None:
    """About fifty lines, the newest."""
    with pytest.raises(ImageBuildError) as caught:
        workshop.build(RunCommands(commands=("seq 1000; echo 'an error' >&2; exit 3",)))
    text = str(caught.value)
    assert "failed: exit code 3" in text
    assert text.splitlines()[-1].strip() == "an error"
    assert 40 < len(text.splitlines()) < 60
    assert len(workshop.said.lines) == 1002


def test_a_step_killed_by_a_signal_says_so(workshop: Any) -> None:
    """As a shell counts: 128 and the signal's number."""
    with pytest.raises(ImageBuildError, match="exit code 137"):
        workshop.build(RunCommands(commands=("kill -9 $PPID; sleep 10",)))


def test_a_package_that_does_not_exist_is_named(workshop: Any) -> None:
    """uv's own words."""
    empty = CopyFiles(tree=FileTree((FileEntry("x", workshop.blobs.add(b""), 0),)), target="/wheels")
    step = PythonPackages(packages=("no-such-package",), find_links="/wheels", extra_options=("--no-index",))
    with pytest.raises(
        ImageBuildError, match=r"step 3 of 3 \(pip_install no-such-package\)(.|\n)*no-such-package was not found"
    ):
        workshop.build(empty, step)


def test_an_index_out_of_reach_is_told_from_a_missing_package(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to look at."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    step = PythonPackages(packages=("six",), index_url="http://127.0.0.1:9/simple")
    with pytest.raises(ImageBuildError, match=r"The network or an index could not be reached(.|\n)*HTTPS_PROXY"):
        workshop.build(step)
    assert workshop.leftovers == []


def test_a_python_that_is_nowhere_is_refused(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the version and what to do."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(InvalidError, match=r"Python 3\.3 is neither"):
        workshop.build(python="3.3")


def test_a_missing_blob_is_refused(workshop: Any) -> None:
    """The definition names content that never came."""
    tree = FileTree((FileEntry("lost", "ab" * 32, 1),))
    with pytest.raises(ImageBuildError, match=r"the content of 'lost' \(abababababab\) is not there"):
        workshop.build(CopyFiles(tree=tree, target="/srv"))


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 8 MiB."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)


@needs_root
def test_no_space_while_a_step_runs(small_disk: Path, workshop: Any) -> None:
    """The step's own words, and how to make room; what it wrote is gone."""
    full = type(workshop)(small_disk / "images", workshop.grounds, workshop.blobs)
    with pytest.raises(ImageBuildError, match="intermodal image prune"):
        full.build(RunCommands(commands=("head -c 50M /dev/zero > /root/big",)))
    assert full.leftovers == []
    full.close()


@needs_root
def test_no_space_for_copied_files(small_disk: Path, workshop: Any) -> None:
    """The same without a container."""
    full = type(workshop)(small_disk / "images", workshop.grounds, workshop.blobs)
    entry = FileEntry("big", workshop.blobs.add(b"x" * (20 << 20)), 20 << 20)
    with pytest.raises(ImageBuildError, match=r"no space left on the disk(.|\n)*intermodal image prune"):
        full.build(CopyFiles(tree=FileTree((entry,)), target="/srv"))
    assert full.leftovers == []
    full.close()


def test_system_packages_without_apt_are_refused(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(CapabilityNotSupported, match=r"image\.apt_install.*no apt-get"):
        workshop.build(RunCommands(commands=("true",)), SystemPackages(packages=("tree",)))
    assert workshop.images() == []


def test_a_data_directory_that_cannot_be_written_is_an_error(tmp_path: Path, workshop: Any) -> None:
    """The path is in it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file/images"):
        type(workshop)(tmp_path / "file" / "images", Grounds(tmp_path, "namespaces"), workshop.blobs)
