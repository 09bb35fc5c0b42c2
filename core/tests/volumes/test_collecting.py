"""What volumes need stays when blobs are collected."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from intermodal import Volume
from intermodal.storage import DirectoryStorage
from intermodal.storage.reach import trace


def test_references_of_volumes_reach_what_they_need(data_dir: Path) -> None:
    """Names, versions, deltas and files; not what was removed."""
    volume = Volume.from_name("v", create_if_missing=True)
    with volume.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"kept"), "a/kept")
        batch.put_file(io.BytesIO(b"removed"), "removed")
    storage = DirectoryStorage(data_dir)
    before = asyncio.run(trace(storage))
    Volume.from_name("w", create_if_missing=True).listdir()
    assert before.unreadable == {}
    kept = {blob for blob in before.needed if (data_dir / "blobs" / blob[:2] / blob).read_bytes() == b"kept"}
    assert kept
    Volume.delete("v")
    after = asyncio.run(trace(storage))
    assert after.unreadable == {}
    assert not kept & set(after.needed)
