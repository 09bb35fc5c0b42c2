"""Buckets take tools of this host, whatever a backend can (bucket.mount)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from intermodal.plugins import Capabilities
from intermodal.plugins.bucket_tools import as_this_host_can

STATED = Capabilities(supported=frozenset({"volumes", "bucket.mount"}), notes={"volumes": "some"})


@pytest.mark.parametrize(("there", "said"), [((), "rclone is not installed"), (("rclone",), "fusermount3 is not")])
def test_a_missing_tool_is_a_missing_capability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], said: str
) -> None:
    """Its note says what to install; nothing else of the statement changes."""
    for name in there:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    found = as_this_host_can(STATED)
    assert found.supported == {"volumes"}
    assert said in found.notes["bucket.mount"]
    assert found.notes["volumes"] == "some"


def test_a_backend_that_cannot_keeps_its_own_reason() -> None:
    """What it says is not overwritten."""
    stated = Capabilities(supported=frozenset(), notes={"bucket.mount": "no"})
    assert as_this_host_can(stated) == stated
