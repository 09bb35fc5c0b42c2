"""The base of every root: an allowlist of the host's /etc, a fresh /var, and masks over what of /usr is the host's
alone.

Made once per state of the host and interpreter, below `<data>/local/base`, and then only read, until it was not used
for long.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from intermodal_local.leases import hold, is_free
from intermodal_local.rootfs import Python
from intermodal_local.userland import make_root, mask_prefix, mask_usr

__all__ = ["Base", "prepare_base", "prune_bases"]

_VERSION = 2
_KEPT_S = 7 * 86400.0
_WATCHED = (
    "/etc/passwd",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/ld.so.cache",
    "/etc/apt",
    "/etc/ssl/certs",
    "/var/lib/dpkg/status",
    "/usr/lib",
)


class Base:
    """A base that nobody removes while this object lives. `lowers`: its lower directories for `root`, `usr`,
    `usr-local`.
    """

    def __init__(self, lowers: dict[str, list[str]], lease: int) -> None:
        self.lowers = lowers
        weakref.finalize(self, os.close, lease)


def prepare_base(data_dir: Path, python: Python) -> Base:
    """The base for an interpreter; made if it is missing. Blocks.

    Raises:
        BackendError: this host's layout or the file system below `data_dir` cannot carry containers.
    """
    folder = data_dir / "local" / "base"
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / _key(python)
    while (lease := hold(done)) is None:
        with _alone(folder):
            if not done.is_dir():
                _remove_unused(folder, _KEPT_S)  # bases pile up only where new ones are made
                _make(folder, done, python)
    os.utime(done)
    local = [str(done / "usr-local"), python.prefix] if python.prefix != "/usr" else []
    return Base({"root": [str(done / "root")], "usr": [str(done / "usr"), "/usr"], "usr-local": local}, lease)


def prune_bases(data_dir: Path, older_than_s: float) -> list[str]:
    """Remove bases that nobody holds and nobody has asked for in `older_than_s` seconds; their names."""
    folder = data_dir / "local" / "base"
    if not folder.is_dir():
        return []
    with _alone(folder):
        return _remove_unused(folder, older_than_s)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else makes or removes bases; what a kill left of that is removed."""
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.glob(".new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _remove_unused(folder: Path, older_than_s: float) -> list[str]:
    removed = []
    for path in [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if time.time() - os.fstat(fd).st_mtime < older_than_s or not is_free(fd):
                continue
            grave = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
            path.rename(grave / path.name)  # gone at once; a kill in the middle leaves rubbish only
            shutil.rmtree(grave, ignore_errors=True)
            removed.append(path.name)
        finally:
            os.close(fd)
    return removed


def _key(python: Python) -> str:
    state: list[object] = [_VERSION, os.getuid(), python.prefix, python.executable]
    for path in (*_WATCHED, f"{python.prefix}/bin", f"{python.prefix}/lib"):
        with contextlib.suppress(OSError):
            status = os.stat(path)
            state.append((path, status.st_mtime_ns, status.st_size, status.st_ino))
    return hashlib.sha256(repr(state).encode()).hexdigest()[:24]


def _make(folder: Path, done: Path, python: Python) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    fresh.chmod(0o755)
    try:
        make_root(fresh / "root")
        mask_usr(fresh / "usr", python)
        if python.prefix != "/usr":
            mask_prefix(fresh / "usr-local", python)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    fresh.rename(done)
