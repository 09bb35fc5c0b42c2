"""The local files that Dockerfile instructions copy: a build context (image.context)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from intermodal.definitions.files import Blobs, walk
from intermodal.definitions.ignore import FilePatternMatcher, Ignore, as_predicate
from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs import FileEntry

__all__ = ["Context"]


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

    def find(self, pattern: str, blobs: Blobs) -> list[tuple[str, list[FileEntry]]]:
        """What a source of COPY names: for a file, its name and its one entry, for a directory, "" and its content.

        Raises:
            NotFoundError: nothing, or only what is left out.
            InvalidError: it leads out of the context.
        """
        named = self.files.get(pattern)
        if named is not None:
            return [(posixpath.basename(pattern), [blobs.add_file(named, "")])]
        relative = posixpath.normpath(pattern.lstrip("/"))
        if relative.startswith(".."):
            raise InvalidError(f"{pattern!r} is outside of the build context {self.root}: give context_dir=")
        ignored = self.ignored()
        found: list[tuple[str, list[FileEntry]]] = []
        for path in _matching(self.root, relative.split("/")):
            inside = path.relative_to(self.root)
            if path.is_dir():
                names = [name for name in walk(path) if not ignored(inside / name)]
                entries = [blobs.add_file(path / name, name.as_posix()) for name in names]
                found += [("", entries)] if entries or not ignored(inside) else []
            elif not ignored(inside):
                found.append((path.name, [blobs.add_file(path, "")]))
        if not found:
            raise NotFoundError(f"{pattern!r} is not in the build context {self.root}, or is ignored there")
        return found


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
