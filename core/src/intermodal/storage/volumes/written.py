"""What a container has written since its last commit: its own overlay layer, compared with a kept manifest of it."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.storage.volumes.entries import Directory, Entry, File, Link
from intermodal.storage.volumes.hosting import OPAQUE, is_whiteout
from intermodal.storage.volumes.publishing import Known

__all__ = ["Layer", "Written"]

#: A file changed so shortly before it was looked at may change again without its time telling.
_UNSURE_NS = 50_000_000

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
    """The upper directory of one mount of a volume. Blocking calls; one at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._manifest: dict[str, _Signature] = {}

    def written(self, known: Known) -> Written:
        """What has changed since the last `committed`. Sockets, pipes and devices are passed over."""
        found = Written()
        self._look(found, known, "", os.lstat(self.root))
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
        blobs = put([self.root / path for path in paths])
        for path, blob in zip(paths, blobs, strict=True):
            before = written.files[path]
            try:
                stable = _plain_signature(os.lstat(self.root / path)) == _plain_signature(before)
            except FileNotFoundError:
                stable = True  # gone since: the next commit says so
            if not stable:
                written.manifest[path] = ()
                blob, size = self._copied(path, copies, put)
            else:
                size = before.st_size
            entry = File(blob, size, stat.S_IMODE(before.st_mode), before.st_mtime_ns)
            if known.lookup(path) != entry:
                written.entries[path] = entry

    def _copied(self, path: str, copies: Path, put: Callable[[Sequence[Path]], Sequence[str]]) -> tuple[str, int]:
        copy = copies / "changing"
        try:
            with open(self.root / path, "rb") as source, open(copy, "wb") as target:
                while data := source.read(1 << 20):
                    target.write(data)
            return put([copy])[0], copy.stat().st_size
        finally:
            copy.unlink(missing_ok=True)

    def _look(self, found: Written, known: Known, path: str, here: os.stat_result) -> None:
        if is_whiteout(here):
            self._gone(found, known, path, here)
        elif stat.S_ISDIR(here.st_mode):
            self._directory(found, known, path, here)
        elif stat.S_ISREG(here.st_mode) and self._is_new(found, path, _signature(here)):
            self._hidden(found, known, path)
            found.files[path] = here
        elif stat.S_ISLNK(here.st_mode) and self._is_new(found, path, _signature(here)):
            self._hidden(found, known, path)
            link = Link(os.readlink(self.root / path), here.st_mtime_ns)
            if known.lookup(path) != link:
                found.entries[path] = link

    def _directory(self, found: Written, known: Known, path: str, here: os.stat_result) -> None:
        place = self.root / path
        opaque = _is_opaque(place)
        entry = Directory(stat.S_IMODE(here.st_mode), here.st_mtime_ns)
        if self._is_new(found, path, (entry.mode, entry.mtime, opaque)) and known.lookup(path) != entry:
            found.entries[path] = entry
        with os.scandir(place) as entries:
            inside = f"{path}/" if path else ""
            children = [(inside + each.name, each.stat(follow_symlinks=False)) for each in entries]
        if opaque and not (self._manifest.get(path) or (0, 0, False))[-1]:
            names = {child for child, _ in children}
            for below in known.below(path):
                if not any(below == name or below.startswith(f"{name}/") for name in names):
                    found.entries[below] = None
        for child, there in children:
            self._look(found, known, child, there)

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


def _is_opaque(path: Path) -> bool:
    try:
        return os.getxattr(path, OPAQUE) in (b"y", b"x")
    except OSError:
        return False
