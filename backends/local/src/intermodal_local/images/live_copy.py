"""Copying a tree that somebody else changes meanwhile."""

from __future__ import annotations

import os
import subprocess
import tempfile

from intermodal.exception import BackendError

__all__ = ["copy_tree"]

_TAR = ("tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--format=posix")
#: What GNU tar says of files that changed, or went, while it read them.
_CHANGED = 1


def copy_tree(source: str, target: str) -> None:
    """Copy a directory with owners, modes, times, links, and the marks by which an overlay knows what was removed.

    The files are a container's, and it goes on: `cp` would follow a link that comes in the place of a directory which
    it has just looked at, and copy the host's own files. `tar` opens step by step, and never through one.

    Raises:
        BackendError: something cannot be copied.
    """
    os.mkdir(target)
    with tempfile.TemporaryFile() as told:
        packing = subprocess.Popen(
            [*_TAR, "--sparse", "-C", source, "-c", "."], stdout=subprocess.PIPE, stderr=told, stdin=subprocess.DEVNULL
        )
        with packing:
            unpacked = subprocess.run([*_TAR, "-C", target, "-xp"], stdin=packing.stdout, stderr=told, check=False)
        if unpacked.returncode or packing.returncode not in (0, _CHANGED):
            told.seek(0)
            said = told.read().decode(errors="replace").strip()
            raise BackendError(f"the files of the container could not be copied: {said[-500:]}")
