"""Many small blobs into one directory: no more system calls for each than it takes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Sequence

__all__ = ["put_small"]


def put_small(root: str, temporary: str, contents: Sequence[bytes]) -> list[str]:
    """Store blobs in `root` by way of the directory `temporary`; the SHA-256 of each in hex.

    The caller keeps others from removing blobs meanwhile. What is there already counts as used now.
    """
    fresh = f"{temporary}/{secrets.token_hex(8)}"
    blobs = [hashlib.sha256(data).hexdigest() for data in contents]
    for blob, data in zip(blobs, contents, strict=True):
        directory = f"{root}/{blob[:2]}"
        target = f"{directory}/{blob}"
        if not _is_there(target, len(data)):
            try:
                _write(fresh, data)
                _move(fresh, target, directory)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(fresh)
                raise
    return blobs


def _is_there(target: str, size: int) -> bool:
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return False
    os.utime(target, ns=(time.time_ns(), found.st_mtime_ns))
    return found.st_size == size  # a power failure may have cut it short


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def _move(fresh: str, target: str, directory: str) -> None:
    try:
        os.rename(fresh, target)
    except FileNotFoundError:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        os.rename(fresh, target)
