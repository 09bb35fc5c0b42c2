"""What showing buckets as files takes on this host, whatever the backend: rclone, and FUSE."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from intermodal.plugins.roles import Capabilities

__all__ = ["CAPABILITY", "as_this_host_can", "rclone"]

CAPABILITY = "bucket.mount"


def rclone() -> str | None:
    """The program: that of this environment, else the one on the path."""
    beside = Path(sys.executable).parent
    return shutil.which("rclone", path=os.pathsep.join([str(beside), os.environ.get("PATH", "")]))


def as_this_host_can(stated: Capabilities) -> Capabilities:
    """`stated`, without buckets where this host lacks something; the note says what."""
    lack = _lack() if CAPABILITY in stated.supported else None
    if lack is None:
        return stated
    return replace(stated, supported=stated.supported - {CAPABILITY}, notes={**stated.notes, CAPABILITY: lack})


def _lack() -> str | None:
    if rclone() is None:
        return "rclone is not installed: pip install 'intermodal[buckets]'"
    if shutil.which("fusermount3") is None:
        return "fusermount3 is not installed: apt-get install fuse3"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse cannot be opened: this host permits no FUSE mounts"
    return None
