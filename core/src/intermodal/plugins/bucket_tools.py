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
_DEVICE = "/dev/fuse"


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
    if not _opens():
        return _no_device()
    return None


def _opens() -> bool:
    """Root may lack it too, in a container: the mode says nothing of its control groups."""
    try:
        os.close(os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _no_device() -> str:
    if not os.path.exists(_DEVICE):
        return (
            f"{_DEVICE} is not there: as root, `modprobe fuse`; in a container, have it started with --device {_DEVICE}"
        )
    return (
        f"{_DEVICE} cannot be opened by this user: as root, `chmod 666 {_DEVICE}`, and to keep that, "
        """`echo 'KERNEL=="fuse", MODE="0666"' > /etc/udev/rules.d/99-fuse.rules`"""
    )
