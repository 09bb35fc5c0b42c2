"""Archives that engines unpack into containers."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from builds import FileBlobs
from intermodal.plugins.building import tree_members
from intermodal_docker.archives import pack


@pytest.mark.parametrize("files", [{}, {"a": b""}, {"a": b"1", "b/c": b"2" * 700}])
def test_an_archive_ends_with_its_two_last_blocks(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Podman's reader leaves there: what comes after it would break its pipe, when it comes late."""
    blobs = FileBlobs(tmp_path)
    data = b"".join(pack(tree_members(blobs.tree(files), blobs), "/srv"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        ends = [member.offset_data + -(-member.size // 512) * 512 for member in members]
    assert [member.name for member in members] == [f"srv/{name}" for name in files]
    assert len(data) == max(ends, default=0) + 1024


def test_large_files_come_in_pieces(tmp_path: Path) -> None:
    """Of a MiB at most, small files together; nothing is read before it is wanted."""
    blobs = FileBlobs(tmp_path)
    files = {"large": bytes(range(256)) * (3 << 12) + b"end", **{f"small/{number}": b"x" for number in range(9)}}
    tree = blobs.tree(files)
    pieces = list(pack(tree_members(tree, blobs)))
    assert max(map(len, pieces)) <= 1 << 20
    assert len(pieces) <= 6
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        found = {member.name: archive.extractfile(member) for member in archive}
        assert {name: file.read() if file else None for name, file in found.items()} == files
    unread = pack(tree_members(tree, blobs))
    (tmp_path / tree.entries[0].blob).unlink()
    with pytest.raises(Exception, match="is not there"):
        next(unread)
