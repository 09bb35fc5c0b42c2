"""Whether packages of the system can be installed into images here."""

from __future__ import annotations

import shutil

from intermodal_local.runtime import advice, userns

__all__ = ["missing"]


def missing() -> str | None:
    """What lacks for `apt_install`, and what to do about it; None where nothing does."""
    if shutil.which("apt-get") is None:
        return "this host's userland is the base of images, and it has no apt-get: use another backend"
    return None if advice.privileged() else userns.missing()
