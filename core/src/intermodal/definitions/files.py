"""Local files by content: trees for specs, and the blobs that go with them (image.context)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs import FileEntry, FileTree

__all__ = ["Blobs", "directory_tree", "file_tree", "walk", "walk_all"]

#: Files up to this size (bytes) travel as they were read, so that a change meanwhile does no harm.
_KEPT = 1 << 20
#: Never shipped, whatever `ignore=` says: nobody's code, and large.
_NEVER = frozenset({"__pycache__", ".git", ".hg", ".svn"})


class Blobs(dict[str, "bytes | Path"]):
    """What specs name by SHA-256: bytes, or the local file that has them."""

    def add(self, data: bytes) -> str:
        """Its hash."""
        digest = hashlib.sha256(data).hexdigest()
        self[digest] = data
        return digest

    def add_file(self, path: Path, name: str) -> FileEntry:
        """The entry of a file, to be called `name` in its tree. Raises `NotFoundError` where it cannot be read."""
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size <= _KEPT:
                    data = file.read()
                    return FileEntry(name, self.add(data), len(data), status.st_mode & 0o777)
                digest, size = hashlib.sha256(), 0
                while chunk := file.read(_KEPT):
                    digest.update(chunk)
                    size += len(chunk)
        except OSError as error:
            raise NotFoundError(f"local file {path} cannot be read: {error.strerror}") from None
        self[digest.hexdigest()] = path
        return FileEntry(name, digest.hexdigest(), size, status.st_mode & 0o777)


def file_tree(path: Path, blobs: Blobs) -> FileTree:
    """A tree that is one file. Raises `NotFoundError`."""
    if path.is_dir():
        raise InvalidError(f"{path} is a directory: use Image.add_local_dir")
    return FileTree((blobs.add_file(path, ""),))


def directory_tree(path: Path, ignored: Callable[[Path], bool], blobs: Blobs) -> FileTree:
    """All files below a directory but those that are ignored. Raises `NotFoundError`."""
    if not path.is_dir():
        kind = "is a file: use Image.add_local_file" if path.exists() else "does not exist"
        raise NotFoundError(f"local directory {path} {kind}")
    entries = [blobs.add_file(path / name, name.as_posix()) for name in walk(path) if not ignored(name)]
    return FileTree(tuple(sorted(entries, key=lambda entry: entry.path)))


def walk(root: Path) -> Iterator[Path]:
    """Relative paths of all regular files; links are followed, version control and caches left out."""
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if name not in _NEVER)
        for name in files:
            path = Path(folder, name)
            if path.is_file():
                yield path.relative_to(root)


def walk_all(root: Path) -> Iterator[tuple[Path, Literal["file", "directory", "link"]]]:
    """Relative paths of all below `root`, directories before what is in them; links are not followed, version control
    and caches left out."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _NEVER)
        for name in [*folders, *files]:
            path = Path(folder, name)
            inside = path.relative_to(root)
            if path.is_symlink():
                yield inside, "link"
            elif path.is_dir():
                yield inside, "directory"
            elif path.is_file():
                yield inside, "file"
