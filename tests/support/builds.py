"""What tests of builders need beside a builder: where its files are, and who hears what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.specs import FileEntry, FileTree

__all__ = ["FileBlobs", "Recorder"]


@dataclass
class FileBlobs:
    """Blobs in a directory."""

    root: Path

    def add(self, data: bytes) -> str:
        """Store; the hash."""
        name = hashlib.sha256(data).hexdigest()
        self.root.mkdir(exist_ok=True)
        (self.root / name).write_bytes(data)
        return name

    def tree(self, files: dict[str, bytes], mode: int = 0o644) -> FileTree:
        """A tree of files by path."""
        return FileTree(tuple(FileEntry(path, self.add(data), len(data), mode) for path, data in sorted(files.items())))

    def path(self, blob: str) -> Path:
        """As `Blobs.path`."""
        if not (self.root / blob).exists():
            raise KeyError(blob)
        return self.root / blob


@dataclass
class Recorder:
    """A sink that keeps everything."""

    steps: list[tuple[int, str, bool]] = field(default_factory=list)
    printed: list[tuple[int, str]] = field(default_factory=list)
    told: Callable[[str], None] = lambda line: None

    def step(self, number: int, total: int, title: str, *, cached: bool) -> None:
        self.steps.append((number, title, cached))

    def output(self, number: int, line: str) -> None:
        self.printed.append((number, line))
        self.told(line)

    @property
    def lines(self) -> list[str]:
        """All that was printed."""
        return [line for _, line in self.printed]

    @property
    def cached(self) -> list[bool]:
        """Of each layer in turn, whether it was there."""
        return [cached for _, _, cached in self.steps]
