"""The local files that Dockerfile instructions copy: a build context (image.context)."""

from __future__ import annotations

import functools
import os
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from intermodal.definitions.files import Blobs, walk_all
from intermodal.definitions.ignore import FilePatternMatcher, Ignore, as_predicate
from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs import FileEntry, FileTree

__all__ = ["Context", "Found"]


@dataclass(frozen=True)
class Found:
    """What a source of COPY names: a file, with its name and one entry, or a directory, with "" and its content.
    `remote`: it came from elsewhere."""

    name: str
    entries: list[FileEntry]
    remote: bool = False


@dataclass(frozen=True)
class Context:
    """A directory, what is left out of it, and files under names of their own.

    Args:
        root: absolute.
        ignore: what is left out; None: what `.dockerignore` says.
        files: local files by the absolute path under which instructions name them; they come first.
        dockerfile: its own `NAME.dockerignore` goes before the directory's.
    """

    root: Path
    ignore: Ignore | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    dockerfile: Path | None = None

    def ignored(self) -> Callable[[Path], bool]:
        """True for relative paths that are left out."""
        if self.ignore is not None:
            return as_predicate(self.ignore)
        own = [] if self.dockerfile is None else [self.dockerfile.with_name(f"{self.dockerfile.name}.dockerignore")]
        for path in (*own, self.root / ".dockerignore"):
            if path.is_file():
                return FilePatternMatcher.from_file(path)
        return lambda path: False

    def find(self, pattern: str, blobs: Blobs) -> list[Found]:
        """What a source of COPY names. Links below a directory stay links.

        Raises:
            NotFoundError: nothing, or only what is left out.
            InvalidError: it leads out of the context.
        """
        named = self.files.get(pattern)
        if named is not None:
            return [Found(posixpath.basename(pattern), [blobs.add_file(named, "")])]
        relative = posixpath.normpath(pattern.lstrip("/"))
        if relative.startswith(".."):
            raise InvalidError(f"{pattern!r} is outside of the build context {self.root}: give context_dir=")
        ignored = self.ignored()
        found: list[Found] = []
        for path in _matching(self.root, relative.split("/")):
            inside = path.relative_to(self.root)
            if path.is_dir():
                entries = list(_content(path, functools.partial(_below, ignored, inside), blobs))
                found += [Found("", entries)] if entries or not ignored(inside) else []
            elif not ignored(inside):
                found.append(Found(path.name, [blobs.add_file(path, "")]))
        if not found:
            raise NotFoundError(f"{pattern!r} is not in the build context {self.root}, or is ignored there")
        return found

    def tree(self, source: str, blobs: Blobs) -> FileTree:
        """The file or directory `source` alone, to be shown. Raises as `find`."""
        (found,) = self.find(source or ".", blobs)
        return FileTree(tuple(sorted(found.entries, key=lambda entry: entry.path)))


def _below(ignored: Callable[[Path], bool], folder: Path, name: Path) -> bool:
    return ignored(folder / name)


def _content(root: Path, ignored: Callable[[Path], bool], blobs: Blobs) -> Iterator[FileEntry]:
    """All below `root` but what is ignored; directories where they are wanted themselves or for what is in them."""
    kept: set[PurePosixPath] = set()
    for path, _ in walk_all(root):
        if not ignored(path):
            kept |= {PurePosixPath(path.as_posix()), *PurePosixPath(path.as_posix()).parents}
    for path, kind in walk_all(root):
        name = path.as_posix()
        if PurePosixPath(name) not in kept:
            continue
        if kind == "directory":
            yield FileEntry(name, "", 0, (root / path).stat().st_mode & 0o7777, "directory")
        elif kind == "link":
            target = os.readlink(root / path).encode()
            yield FileEntry(name, blobs.add(target), len(target), 0o777, "link")
        else:
            yield blobs.add_file(root / path, name)


def _matching(root: Path, parts: list[str]) -> Iterator[Path]:
    """The paths below `root` whose names match `parts`, one by one."""
    if parts == ["."] or not parts:
        yield root
        return
    first, rest = parts[0], parts[1:]
    if not set("*?[") & set(first):
        names = [first] if os.path.lexists(root / first) else []
    else:
        names = [name for name in sorted(os.listdir(root)) if fnmatchcase(name, first)] if root.is_dir() else []
    for name in names:
        yield from _matching(root / name, rest)
