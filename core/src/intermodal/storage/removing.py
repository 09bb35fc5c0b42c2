"""Removing what containers wrote: trees of any depth, with directories that may not be entered."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

__all__ = ["remove_tree"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it. Never raises: what cannot be removed, such as another user's, stays.

    Directories move up to the top before they are emptied, so no depth is too much, and no path too long.
    """
    with suppress(OSError):
        os.chmod(path, 0o700)
        top = os.open(path, _DIRECTORY)
        try:
            _clear(top)
        finally:
            os.close(top)
        os.rmdir(path)


def _clear(top: int) -> None:
    prefix, count = secrets.token_hex(8), 0
    waiting = _files_removed(top)
    while waiting:
        directory = waiting.pop()
        with suppress(OSError):
            fd = os.open(directory, _DIRECTORY, dir_fd=top)
            try:
                for name in _files_removed(fd):
                    count += 1
                    moved = f"{prefix}.{count}"
                    with suppress(OSError):
                        os.rename(name, moved, src_dir_fd=fd, dst_dir_fd=top)
                        waiting.append(moved)
            finally:
                os.close(fd)
            os.rmdir(directory, dir_fd=top)


def _files_removed(directory: int) -> list[str]:
    """What is left in it then: its directories, which may be entered from now on."""
    left: list[str] = []
    with os.scandir(directory) as entries:
        found = list(entries)
    for entry in found:
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                left.append(entry.name)
                os.chmod(entry.name, 0o700, dir_fd=directory)
            else:
                os.unlink(entry.name, dir_fd=directory)
    return left
