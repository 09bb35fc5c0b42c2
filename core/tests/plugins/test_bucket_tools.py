"""Buckets take tools of this host, whatever a backend can (bucket.mount)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from intermodal.plugins import Capabilities, bucket_tools
from intermodal.plugins.bucket_tools import as_this_host_can

STATED = Capabilities(supported=frozenset({"volumes", "bucket.mount"}), notes={"volumes": "some"})


def here_are(tools: tuple[str, ...], place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other programs than these."""
    for name in tools:
        (place / name).write_text("#!/bin/sh\n")
        (place / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setattr(sys, "executable", str(place / "python"))


@pytest.mark.parametrize(("there", "said"), [((), "rclone is not installed"), (("rclone",), "fusermount3 is not")])
def test_a_missing_tool_is_a_missing_capability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], said: str
) -> None:
    """Its note says what to install; nothing else of the statement changes."""
    here_are(there, tmp_path, monkeypatch)
    found = as_this_host_can(STATED)
    assert found.supported == {"volumes"}
    assert said in found.notes["bucket.mount"]
    assert found.notes["volumes"] == "some"


@pytest.mark.parametrize(("device", "said"), [("nowhere", "modprobe fuse"), (".", "chmod 666")])
def test_a_device_that_cannot_be_opened_is_a_missing_capability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, said: str
) -> None:
    """Its note says what root has to do: where it is not there, and where it is not for this user."""
    monkeypatch.setattr(bucket_tools, "_DEVICE", str(tmp_path / device))
    here_are(("rclone", "fusermount3"), tmp_path, monkeypatch)
    found = as_this_host_can(STATED)
    assert found.supported == {"volumes"}
    assert said in found.notes["bucket.mount"]


def test_a_backend_that_cannot_keeps_its_own_reason() -> None:
    """What it says is not overwritten."""
    stated = Capabilities(supported=frozenset(), notes={"bucket.mount": "no"})
    assert as_this_host_can(stated) == stated
