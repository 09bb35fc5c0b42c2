"""Archives that engines unpack into containers."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from builds import FileBlobs
from intermodal.specs import CopyFiles
from intermodal_docker.images.packing import pack_copy, pack_nothing


@pytest.mark.parametrize("files", [{}, {"a": b""}, {"a": b"1", "b/c": b"2" * 700}])
def test_an_archive_ends_with_its_two_last_blocks(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Podman's reader leaves there: what comes after it would break its pipe, when it comes late."""
    blobs = FileBlobs(tmp_path)
    step = CopyFiles(tree=blobs.tree(files), target="/srv")
    (data,) = pack_copy(step, blobs) if files else [pack_nothing()]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        ends = [member.offset_data + -(-member.size // 512) * 512 for member in members]
    assert [member.name for member in members] == [f"srv/{name}" for name in files]
    assert len(data) == max(ends, default=0) + 1024
