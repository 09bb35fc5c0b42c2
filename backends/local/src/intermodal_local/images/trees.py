"""Directory trees that containers filled: measured, written back, and removed whatever their modes and owners are."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intermodal_local.images import subids

__all__ = ["flush", "remove_tree", "tree_size"]

_libc = ctypes.CDLL(None, use_errno=True)


def tree_size(path: Path) -> int:
    """Bytes of all regular files below `path`, hard links once."""
    seen: set[int] = set()
    total = 0
    for directory, _, names in os.walk(path):
        for name in names:
            info = os.lstat(f"{directory}/{name}")
            if stat.S_ISREG(info.st_mode) and info.st_ino not in seen:
                total += info.st_size
                if info.st_nlink > 1:
                    seen.add(info.st_ino)
    return total


def flush(path: Path) -> None:
    """Write back the file system of `path`, so that what is published afterwards outlives a power cut whole."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd):
            number = ctypes.get_errno()
            raise OSError(number, f"{os.strerror(number)}: writing back {path}")
    finally:
        os.close(fd)


def remove_tree(path: Path) -> None:
    """Remove `path` and all below; absent is fine. Takes on an ordinary user's subordinate ids where files need it."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, onerror=_make_way)
        else:
            path.unlink(missing_ok=True)
    except PermissionError:
        if not subids.available():
            raise
        subprocess.run([sys.executable, "-m", "intermodal_local.images.subids", str(path)], check=True)


def _make_way(function: Callable[..., Any], path: str, error: Any) -> None:
    """What containers write may be without modes for its owner, and another remover may be at work too."""
    if isinstance(error[1], FileNotFoundError):
        return
    if not isinstance(error[1], PermissionError) or os.geteuid() == 0:
        raise error[1]
    os.chmod(os.path.dirname(path), 0o700)
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, 0o700)
        shutil.rmtree(path, onerror=_fail)
    else:
        os.unlink(path)


def _fail(function: Callable[..., Any], path: str, error: Any) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
