"""Deltas as directories of this host, in the format of overlay file systems, made once and mounted by many."""

from __future__ import annotations

import functools
import os
import stat
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from intermodal.plugins import Blobs
from intermodal.plugins.holding import acquire, exclusively, try_acquire
from intermodal.storage.removing import remove_tree
from intermodal.storage.space import needing_space
from intermodal.storage.volumes.entries import Delta, Directory, File, Link, Place

__all__ = ["OPAQUE", "DeltaDirectories", "is_whiteout", "write_delta"]

#: Marks a directory through which nothing of the layers below shows. Of the `user` kind: without privilege, too.
OPAQUE = "user.overlay.opaque"
#: Below all deltas: an overlay has at least two layers.
_EMPTY = ("empty-1", "empty-2")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 24
_GROUP = 256  # files that one thread writes
_AT_ONCE = min(max(2, os.cpu_count() or 2), 8)
_KEPT_S = 86400.0
_STALE_S = 600.0


def is_whiteout(found: os.stat_result) -> bool:
    """Whether a file of a layer says that there is nothing."""
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


class DeltaDirectories:
    """The directories under `data_dir/volumes/deltas`, which every engine of the host shares. What was asked for stays
    until it is let go of as often: a lease that the kernel ends with the process. Blocking calls, from any thread."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "volumes" / "deltas"
        self._locks = self._root / ".locks"
        self._leases: dict[str, int] = {}
        self._uses: Counter[str] = Counter()
        self._gate = threading.Lock()

    def have(self, names: Sequence[str], deltas: Sequence[Delta], blobs: Blobs) -> tuple[str, ...]:
        """The directories of these deltas, in their order, and empty ones below them; `let_go` follows. What is missing
        is made; a kill leaves a whole directory or none, and several makers may race.

        Raises `KeyError` (a blob that the storage lacks), `BackendError` (a damaged one), `ResourceExhaustedError`.
        """
        leased = list[str]()
        try:
            for name, delta in (*zip(names, deltas, strict=True), *((name, Delta({})) for name in _EMPTY)):
                self._lease(name)
                leased.append(name)
                self._make(name, delta, blobs)
        except BaseException:
            self.let_go(leased)
            raise
        return tuple(str(self._root / name) for name in leased)

    def let_go(self, lower: Sequence[str]) -> None:
        """What `have` gave is mounted no more. It may be removed when nobody else has it."""
        with self._gate:
            for name in map(os.path.basename, lower):
                self._uses[name] -= 1
                if not self._uses[name]:
                    os.close(self._leases.pop(name))

    def tidy(self) -> None:
        """Remove what no process holds and nobody has asked for in a day, and what kills left."""
        if not self._root.is_dir():
            return
        for path in list(self._root.iterdir()):
            if path.name.startswith(".tmp-"):
                if _age_s(path) >= _STALE_S:
                    remove_tree(path)
            elif not path.name.startswith(".") and _age_s(self._locks / path.name) >= _KEPT_S:
                self._remove(path)

    def close(self) -> None:
        """Let go of all leases. Idempotent."""
        with self._gate:
            self._uses.clear()
            while self._leases:
                os.close(self._leases.popitem()[1])

    def _make(self, name: str, delta: Delta, blobs: Blobs) -> None:
        target = self._root / name
        if self._is_sound(target):
            return
        with exclusively(self._locks / f"{name}.making", remove=True):
            if self._is_sound(target):
                return
            fresh = Path(tempfile.mkdtemp(dir=self._root, prefix=".tmp-"))
            try:
                with needing_space(self._root):
                    write_delta(fresh, delta, blobs)
                    if target.exists():  # of before the machine was started: a power failure may have damaged it
                        os.rename(target, fresh.with_suffix(".old"))
                    os.rename(fresh, target)
                    (self._locks / name).write_text(_boot())
            finally:
                remove_tree(fresh)
                remove_tree(fresh.with_suffix(".old"))

    def _lease(self, name: str) -> None:
        with self._gate:
            if name not in self._leases:
                self._locks.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._leases[name] = acquire(self._locks / name, shared=True)
            self._uses[name] += 1
            os.utime(self._locks / name)

    def _is_sound(self, target: Path) -> bool:
        return target.exists() and (self._locks / target.name).read_text() == _boot()

    def _remove(self, target: Path) -> None:
        lock = self._locks / target.name
        lock.touch(mode=0o600)
        fd = try_acquire(lock)
        if fd is None:
            return
        try:
            gone = self._root / f".tmp-{target.name}"
            os.rename(target, gone)
            lock.unlink(missing_ok=True)
            remove_tree(gone)
        finally:
            os.close(fd)


def write_delta(root: Path, delta: Delta, blobs: Blobs) -> None:
    """Lay a delta out in the directory `root`, which exists and is empty.

    Paths are given relative to it: a path as long as volumes allow would be too long with `root` before it.
    """
    fd = os.open(root, _DIRECTORY)
    try:
        _lay_out(fd, sorted(delta.items()), blobs)
        if delta.get("") is None:
            os.fchmod(fd, 0o755)
    finally:
        os.close(fd)


def _lay_out(root: int, places: Sequence[tuple[str, Place]], blobs: Blobs) -> None:
    others = []
    for path, place in places:
        if not isinstance(place, Directory):
            others.append((path, place))
        elif path:
            os.mkdir(path, 0o700, dir_fd=root)
    _write_all(root, others, blobs)
    for path, place in reversed(places):  # what is in a directory comes before it: writing it would change its time
        if isinstance(place, Directory):
            fd = os.open(path or ".", _DIRECTORY, dir_fd=root)
            try:
                if place.opaque:
                    os.setxattr(fd, OPAQUE, b"y")
                os.fchmod(fd, place.mode)
                os.utime(fd, ns=(place.mtime, place.mtime))
            finally:
                os.close(fd)


def _write_all(root: int, places: Sequence[tuple[str, Place]], blobs: Blobs) -> None:
    """Side by side: files wait for their blobs, which may be elsewhere, and for the kernel."""

    def write(start: int) -> None:
        for path, place in places[start : start + _GROUP]:
            _write(root, path, place, blobs)

    if len(places) <= _GROUP:
        return write(0)
    with ThreadPoolExecutor(_AT_ONCE, "intermodal-delta") as pool:
        groups = [pool.submit(write, start) for start in range(0, len(places), _GROUP)]
        try:
            for each in groups:
                each.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _write(root: int, path: str, place: Place, blobs: Blobs) -> None:
    if isinstance(place, File):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=root)
        try:
            _copy(blobs.path(place.blob), fd)
            os.fchmod(fd, place.mode)
            os.utime(fd, ns=(place.mtime, place.mtime))
        finally:
            os.close(fd)
    elif isinstance(place, Link):
        os.symlink(place.target, path, dir_fd=root)
        os.utime(path, ns=(place.mtime, place.mtime), dir_fd=root, follow_symlinks=False)
    else:
        os.mknod(path, stat.S_IFCHR, os.makedev(0, 0), dir_fd=root)


def _copy(path: Path, target: int) -> None:
    source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while os.sendfile(target, source, None, _PIECE):
            pass
    finally:
        os.close(source)


@functools.cache
def _boot() -> str:
    """Names this run of the machine's kernel."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
