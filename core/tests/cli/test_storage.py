"""`intermodal storage gc|verify`, over the data directory."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from intermodal.storage import DirectoryStorage


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    """What the command works on."""
    return DirectoryStorage(tmp_path / "data")


def store(storage: DirectoryStorage, data: bytes, name: str | None = None) -> str:
    """A blob that was last used long ago; `name` is a reference that needs it."""

    async def main() -> str:
        blob = await storage.put(data)
        if name is not None:
            assert await storage.swap_ref(name, None, blob)
        os.utime(storage.blobs.path(blob), (1.0, 1.0))
        return blob

    return asyncio.run(main())


def test_gc_removes_what_nothing_needs(cli, storage: DirectoryStorage) -> None:
    """First it can say what would go; what references need stays, and so does what was used within a day."""
    needed, old = store(storage, b"needed", "pin/a"), store(storage, b"old")
    young = asyncio.run(storage.put(b"young"))
    shown = cli("storage", "gc", "--dry-run")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == [
        f"would remove {old[:12]}",
        "1 blobs would go, 3 B would be freed; 2 stay, 1 of them needed by references",
    ]
    found = json.loads(cli("storage", "gc", "--json").stdout)
    assert found == {"removed": [old], "bytes_freed": 3, "kept": 2, "needed": 1, "dry_run": False}
    assert not storage.blobs.has(old)
    assert storage.blobs.has(needed)
    assert json.loads(cli("storage", "gc", "--older-than", "0s", "--json").stdout)["removed"] == [young]


def test_gc_touches_nothing_where_a_reference_is_of_an_unknown_kind(cli, storage: DirectoryStorage) -> None:
    """A newer version may have made it; the message names it."""
    old = store(storage, b"old")
    store(storage, b"x", "pins/a")
    done = cli("storage", "gc")
    assert done.returncode == 1
    assert "'pins/a'" in done.stderr
    assert "did you mean 'pin'" in done.stderr
    assert storage.blobs.has(old)


def test_image_prune_spares_what_references_need(cli, storage: DirectoryStorage) -> None:
    """There is one rule for what may go, whichever command does it."""
    needed, old = store(storage, b"needed", "pin/a"), store(storage, b"old")
    done = cli("image", "prune", "--all", "--json")
    assert json.loads(done.stdout)["blobs"] == 1, done.stderr
    assert storage.blobs.has(needed)
    assert not storage.blobs.has(old)


def test_verify_names_what_is_wrong(cli, storage: DirectoryStorage) -> None:
    """And fails then."""
    assert cli("storage", "verify").stdout == "0 blobs, 0 B read: all sound\n"
    blob = store(storage, b"needed", "pin/a")
    done = cli("storage", "verify", "--json")
    assert (done.returncode, json.loads(done.stdout)["sound"]) == (0, True)
    path = storage.blobs.path(blob)
    path.chmod(0o600)
    path.write_bytes(b"NEEDED")
    done = cli("storage", "verify")
    assert done.returncode == 1
    assert f"damaged {blob}: " in done.stdout
    assert done.stdout.endswith("1 faults\n")
    done = cli("storage", "verify")
    assert done.returncode == 1
    assert f"missing {blob}: the reference 'pin/a' needs it\n" in done.stdout


def test_a_plugins_storage_that_cannot_be_listed_is_refused_by_name(cli, tmp_path: Path) -> None:
    """It names the capability and the protocol to write."""
    methods = ("put", "get", "has", "stream", "read_ref", "swap_ref")
    lines = [f"    async def {name}(self, *words): pass" for name in (*methods, "close")]
    (tmp_path / "pyproject.toml").write_text("[tool.intermodal]\n")
    (tmp_path / "intermodal_plugins.py").write_text(
        "from intermodal.plugins import hookimpl\n"
        "class Shelf:\n" + "\n".join(lines) + "\n@hookimpl\ndef intermodal_storage(config):\n    return Shelf()\n"
    )
    for command in ("gc", "verify"):
        done = cli("storage", command)
        assert done.returncode == 1
        assert "'storage.gc'" in done.stderr
        assert "CollectableStorage" in done.stderr
