"""What a container has written since its last commit: its own overlay layer, compared with a kept manifest of it."""

from __future__ import annotations

import itertools
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.storage.volumes import beneath
from intermodal.storage.volumes.beneath import Beneath, Changed, openable
from intermodal.storage.volumes.entries import Directory, Entry, File, Link
from intermodal.storage.volumes.hosting import OPAQUE, is_whiteout
from intermodal.storage.volumes.paths import check_path
from intermodal.storage.volumes.publishing import Known

__all__ = ["Layer", "Written"]

#: A file changed so shortly before it was looked at may change again without its time telling.
_UNSURE_NS = 50_000_000
#: Files that are held open at once while their contents are stored.
_GROUP = 64
#: No path of so few characters is too long.
_SHORT = 900

_Signature = tuple[int, ...]


@dataclass
class Written:
    """What is new in a layer. `entries` are all but files, None for what is gone; `files` have contents to store."""

    entries: dict[str, Entry | None] = field(default_factory=dict)
    files: dict[str, os.stat_result] = field(default_factory=dict)
    manifest: dict[str, _Signature] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entries or self.files)


class Layer:
    """The upper directory of one mount of a volume, whose container may go on writing. Blocking calls; one at a time.

    What changes while it is looked at is published as it was then, or by the next commit.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tree = Beneath(root)
        self._manifest: dict[str, _Signature] = {}

    def written(self, known: Known) -> Written:
        """What has changed since the last `committed`. Sockets, pipes and devices are passed over.

        Raises `InvalidError` for a path that is too long for volumes.
        """
        found = Written()
        waiting = [("", os.lstat(self.root), False)]
        while waiting:
            path, here, sealed = waiting.pop()
            if len(path) > _SHORT:
                check_path(path)
            try:
                waiting.extend(self._look(found, known, path, here, sealed))
            except Changed:
                found.manifest[path] = ()
        for path in self._manifest:
            if path not in found.manifest:
                found.entries.setdefault(path, None)  # made here, and removed again
        return found

    def committed(self, written: Written) -> None:
        """All of it is published."""
        self._manifest = written.manifest

    def contents(
        self, written: Written, known: Known, copies: Path, put: Callable[[Sequence[Path]], Sequence[str]]
    ) -> None:
        """Store the contents of the new files, and complete `written.entries` with those that are not what the writer
        knew anyway. A file that changes while it is read is copied first, below the directory `copies`.

        Raises what `put` raises; nothing is left in `copies` then.
        """
        paths = list(written.files)
        for start in range(0, len(paths), _GROUP):
            with ExitStack() as stack:
                files = self._opened(paths[start : start + _GROUP], written, stack)
                blobs = put([openable(fd) for fd in files.values()]) if files else ()
                for (path, fd), blob in zip(files.items(), blobs, strict=True):
                    entry = self._stored(path, fd, blob, written, copies, put)
                    if known.lookup(path) != entry:
                        written.entries[path] = entry

    def _opened(self, paths: Sequence[str], written: Written, stack: ExitStack) -> dict[str, int]:
        files: dict[str, int] = {}
        for above, group in itertools.groupby(paths, lambda path: path.rpartition("/")[0]):
            here = list(group)
            with suppress(Changed), self._tree.directory(above) as directory:
                for path in here:
                    with suppress(Changed):
                        files[path] = beneath.file(directory, path.rpartition("/")[2], written.files[path])
                        stack.callback(os.close, files[path])
        written.manifest.update((path, ()) for path in paths if path not in files)
        return files

    def _stored(
        self,
        path: str,
        fd: int,
        blob: str,
        written: Written,
        copies: Path,
        put: Callable[[Sequence[Path]], Sequence[str]],
    ) -> File:
        before = written.files[path]
        size = before.st_size
        if _plain_signature(os.fstat(fd)) != _plain_signature(before):
            written.manifest[path] = ()
            blob, size = _copied(fd, copies / "changing", put)
        return File(blob, size, stat.S_IMODE(before.st_mode), before.st_mtime_ns)

    def _look(
        self, found: Written, known: Known, path: str, here: os.stat_result, sealed: bool
    ) -> Sequence[tuple[str, os.stat_result, bool]]:
        """Note what stands at `path`; what is in it, if it is a directory. `sealed`: nothing of earlier versions shows
        through there.
        """
        if is_whiteout(here):
            self._gone(found, known, path, here)
        elif stat.S_ISDIR(here.st_mode):
            return self._directory(found, known, path, here, sealed)
        elif stat.S_ISREG(here.st_mode) and self._is_new(found, path, _signature(here)):
            self._hidden(found, known, path)
            found.files[path] = here
        elif stat.S_ISLNK(here.st_mode) and self._is_new(found, path, _signature(here)):
            link = Link(self._target(path), here.st_mtime_ns)
            self._hidden(found, known, path)
            if known.lookup(path) != link:
                found.entries[path] = link
        return ()

    def _directory(
        self, found: Written, known: Known, path: str, here: os.stat_result, sealed: bool
    ) -> Sequence[tuple[str, os.stat_result, bool]]:
        inside = f"{path}/" if path else ""
        with self._tree.directory(path) as fd:
            sealed = sealed or _is_opaque(fd)  # the kernel marks the uppermost of new directories only
            children = beneath.children(fd)
        entry = Directory(stat.S_IMODE(here.st_mode), here.st_mtime_ns)
        if self._is_new(found, path, (entry.mode, entry.mtime, sealed)) and known.lookup(path) != entry:
            found.entries[path] = entry
        if sealed and not (self._manifest.get(path) or (0, 0, False))[-1]:
            for below in known.below(path):
                if below.removeprefix(inside).partition("/")[0] not in children:
                    found.entries[below] = None
        return [(inside + name, there, sealed) for name, there in children.items()]

    def _target(self, path: str) -> str:
        above, _, name = path.rpartition("/")
        with self._tree.directory(above) as fd:
            return beneath.link(fd, name)

    def _gone(self, found: Written, known: Known, path: str, here: os.stat_result) -> None:
        if self._is_new(found, path, (0,)):
            self._hidden(found, known, path)
            if known.lookup(path) is not None:
                found.entries[path] = None

    def _hidden(self, found: Written, known: Known, path: str) -> None:
        """Nothing can be below what is no directory."""
        if isinstance(known.lookup(path), Directory):
            found.entries.update(dict.fromkeys(known.below(path)))

    def _is_new(self, found: Written, path: str, signature: _Signature) -> bool:
        found.manifest[path] = signature
        return self._manifest.get(path) != signature


def _signature(found: os.stat_result) -> _Signature:
    """What changes whenever the file does; different again where that is not sure yet."""
    unsure = time.time_ns() - found.st_ctime_ns < _UNSURE_NS
    return (*_plain_signature(found), int(unsure))


def _plain_signature(found: os.stat_result) -> _Signature:
    return (found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _is_opaque(directory: int) -> bool:
    try:
        return os.getxattr(directory, OPAQUE) in (b"y", b"x")
    except OSError:
        return False


def _copied(fd: int, copy: Path, put: Callable[[Sequence[Path]], Sequence[str]]) -> tuple[str, int]:
    """Store a copy of a file that changes; no more of it than there is now."""
    left = os.fstat(fd).st_size
    try:
        with open(openable(fd), "rb") as source, open(copy, "wb") as target:
            while data := source.read(min(left, 1 << 20)):
                left -= target.write(data)
        return put([copy])[0], copy.stat().st_size
    finally:
        copy.unlink(missing_ok=True)
