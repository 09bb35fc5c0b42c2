"""Trees of files that travel by content: user source, local files of an image, build contexts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FileEntry", "FileTree"]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file. `path` is relative to the tree, with `/`; `blob` is the SHA-256 of its bytes, in hex.

    Trees of build contexts have directories, too, whose `blob` is "", and symbolic links, whose bytes are what they
    point to.
    """

    path: str
    blob: str
    size: int
    mode: int = 0o644
    kind: Literal["file", "directory", "link"] = "file"


@dataclass(frozen=True, slots=True)
class FileTree:
    """Files sorted by path. Its content hash names it in caches. A tree of one file whose path is "" is that file
    alone."""

    entries: tuple[FileEntry, ...] = ()

    @property
    def is_file(self) -> bool:
        """True where the tree is one file rather than a directory."""
        return len(self.entries) == 1 and self.entries[0].path == ""
