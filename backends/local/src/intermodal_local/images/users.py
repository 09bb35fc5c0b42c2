"""Who a step's program runs as: a user of the image."""

from __future__ import annotations

import os
from pathlib import Path

from intermodal.plugins.building import StepRefused, owner_ids

__all__ = ["become_user"]


def become_user(user: str) -> str:
    """Become `user` of the root that this process is in; its home directory. Raises `OSError`."""
    try:
        uid, gid = owner_ids(user, _text)
    except StepRefused as error:
        raise OSError(0, str(error)) from None
    try:
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    except OSError as error:
        raise OSError(error.errno, f"cannot run as {user} ({uid}:{gid}) here: {error.strerror}") from None
    homes = [line.split(":")[5] for line in _text("/etc/passwd").splitlines() if line.split(":")[2:3] == [str(uid)]]
    return homes[0] if homes else "/"


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
