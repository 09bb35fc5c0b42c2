"""File trees as host directories: made once from blobs, named by content, mounted read-only into containers."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intermodal.plugins import Blobs
from intermodal.plugins.holding import acquire, exclusively, try_acquire
from intermodal.specs import FileEntry, FileTree, content_hash
from intermodal.storage.space import needing_space
from intermodal.storage.tree_paths import check_tree

__all__ = ["TreeStore"]

_KEPT_S = 86400.0
_TIDY_EVERY_S = 3600.0
_TIDIED = ".tidied"
_STALE_S = 600.0  # a half-made tree older than this, and held by nobody, is what a kill left


class TreeStore:
    """The trees under `data_dir/trees`, shared by every engine on the host.

    What `materialise` gave stays until `close`: a lease that the kernel ends with the process keeps every `prune` away
    from it. Blocking calls, from any thread.
    """

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "trees"
        self._locks = self._root / ".locks"
        self._leases: dict[str, int] = {}
        self._gate = threading.Lock()

    def materialise(self, tree: FileTree, blobs: Blobs) -> Path:
        """The host directory with this tree; for a tree of one file with the path "", the host file.

        Content is copied, never linked: what writes to a tree by mistake does not reach the store. Write permission is
        dropped. A kill leaves a whole tree or none; several makers may race.

        Raises:
            InvalidError: a path that is absolute, climbs out, occurs twice or cannot exist.
            KeyError: a blob that the store lacks.
            BackendError: a blob whose bytes are damaged.
            ResourceExhaustedError: no space.
        """
        check_tree(tree)
        name = content_hash(tree)
        self._lease(name)
        target = self._root / name
        if not self._is_sound(target):
            with exclusively(self._locks / f"{name}.making", remove=True):
                if not self._is_sound(target):
                    self._make(tree, blobs, target)
        return target

    def prune(self, older_than_s: float = 0.0) -> tuple[str, ...]:
        """Remove trees that no process holds and none has asked for in `older_than_s` seconds; their names."""
        removed = tuple(
            target.name
            for target in self._trees()
            if _age_s(self._locks / target.name) >= older_than_s and self._remove(target)
        )
        for left in self._root.glob(".tmp-*"):
            if _age_s(left) >= _STALE_S and (fd := try_acquire(left)) is not None:
                _discard(left)
                os.close(fd)
        return removed

    def tidy(self) -> None:
        """`prune` what nobody has asked for in a day, but do no more than a look at a file's age within an hour of the
        last time: every change of a user's source makes a new tree.
        """
        mark = self._locks / _TIDIED
        if self._locks.is_dir() and _age_s(mark) >= _TIDY_EVERY_S:
            mark.touch(mode=0o600)
            self.prune(_KEPT_S)

    def close(self) -> None:
        """Let go of all leases. Idempotent."""
        with self._gate:
            while self._leases:
                os.close(self._leases.popitem()[1])

    def _lease(self, name: str) -> None:
        with self._gate:
            if name not in self._leases:
                self._locks.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._leases[name] = acquire(self._locks / name, shared=True)
            os.utime(self._locks / name)

    def _is_sound(self, target: Path) -> bool:
        """Was it made, or checked, since the machine was started? A power failure may empty files made just before."""
        return target.exists() and (self._locks / target.name).read_text() == _boot()

    def _make(self, tree: FileTree, blobs: Blobs, target: Path) -> None:
        if not target.exists() or not _holds(target, tree):
            with needing_space(self._root), self._workshop() as workshop:
                _lay_out(tree, blobs, workshop / "new")
                if target.exists():
                    os.rename(target, workshop / "old")
                os.rename(workshop / "new", target)
        (self._locks / target.name).write_text(_boot())

    @contextmanager
    def _workshop(self) -> Iterator[Path]:
        workshop = Path(tempfile.mkdtemp(dir=self._root, prefix=".tmp-"))
        fd = os.open(workshop, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_SH)
        try:
            yield workshop
        finally:
            _discard(workshop)
            os.close(fd)

    def _trees(self) -> list[Path]:
        if not self._root.is_dir():
            return []
        return [path for path in self._root.iterdir() if not path.name.startswith(".")]

    def _remove(self, target: Path) -> bool:
        lock = self._locks / target.name
        lock.touch(mode=0o600)
        fd = try_acquire(lock)
        if fd is None:
            return False
        try:
            with self._workshop() as workshop:
                os.rename(target, workshop / target.name)  # gone at once; a kill in the middle leaves rubbish only
            lock.unlink(missing_ok=True)
            return True
        finally:
            os.close(fd)


def _lay_out(tree: FileTree, blobs: Blobs, root: Path) -> None:
    if tree.is_file:
        _copy(tree.entries[0], blobs, root)
        return
    root.mkdir(mode=0o755)
    made = {root}
    for entry in tree.entries:
        path = root / entry.path
        if path.parent not in made:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            made.add(path.parent)
        _copy(entry, blobs, path)


def _copy(entry: FileEntry, blobs: Blobs, target: Path) -> None:
    shutil.copyfile(blobs.path(entry.blob), target)  # the directory is new and ours: nothing can stand at the target
    target.chmod((entry.mode & 0o555) | 0o444)


def _holds(target: Path, tree: FileTree) -> bool:
    """Has every file its bytes?"""
    for entry in tree.entries:
        try:
            with (target / entry.path if entry.path else target).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry.blob:
                    return False
        except OSError:
            return False
    return True


@functools.cache
def _boot() -> str:
    """Names this run of the machine's kernel."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _discard(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
