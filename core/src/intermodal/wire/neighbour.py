"""Processes of one machine, named so that another process of it can tell that they have ended.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["opened", "own_name"]

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def own_name() -> dict[str, Any]:
    """That of this process: its id, and where ids mean the same; {} where that cannot be told."""
    place = _place()
    return {"pid": os.getpid(), "place": place} if place else {}


def opened(name: Any) -> int | None:
    """A descriptor that becomes readable when the process with this name ends; None: it is no process of this machine,
    or this cannot be told. Raises `ProcessLookupError`: it has ended."""
    if type(name) is not dict or type(name.get("pid")) is not int or name.get("place") != _place():
        return None
    try:
        return os.pidfd_open(name["pid"])
    except ProcessLookupError:
        raise
    except (OSError, OverflowError):
        return None


def _place() -> str:
    """The machine since its last start, and the numbering of processes in it."""
    try:
        return f"{_BOOT.read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
