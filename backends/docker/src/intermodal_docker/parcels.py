"""Files of this machine that containers are to see on another one: named by content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from intermodal.plugins.building import Member

__all__ = ["Parcel"]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Parcel:
    """Files by the paths that they have in it. `key`: of the content; who may read, and run, each is part of it."""

    files: Mapping[str, Path]
    key: str

    @classmethod
    def of(cls, sources: Mapping[str, Path]) -> Parcel:
        """Of files, links and directories with all that is in them; "" is the parcel's own root. Blocks."""
        files = dict(sorted(_below(sources)))
        digest = hashlib.sha256()
        for name, path in files.items():
            digest.update(f"{name}\0{_kind(path)}\0".encode("utf-8", "surrogateescape"))
            digest.update(_content(path))
        return cls(files, digest.hexdigest()[:32])

    def members(self) -> Iterator[Member]:
        """What is in it, for an archive: all root's. Sockets and the like are left out."""
        for name, path in self.files.items():
            info = path.lstat()
            of = partial(Member, path=name, mode=stat.S_IMODE(info.st_mode), mtime=info.st_mtime)
            if not name:
                continue
            if path.is_symlink():
                yield of(kind="link", link=os.readlink(path))
            elif path.is_dir():
                yield of(kind="directory")
            elif path.is_file():
                yield of(size=info.st_size, read=partial(_pieces, path))


def _below(sources: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    for name, source in sources.items():
        yield name, source
        if source.is_dir() and not source.is_symlink():
            prefix = f"{name}/" if name else ""
            for folder, names, files in os.walk(source):
                for each in (*names, *files):
                    path = Path(folder, each)
                    yield f"{prefix}{path.relative_to(source)}", path


def _kind(path: Path) -> str:
    mode = path.lstat().st_mode
    return f"{stat.S_IFMT(mode):o} {stat.S_IMODE(mode):o}"


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.fsencode(os.readlink(path))
    if not path.is_file():
        return b""
    digest = hashlib.sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return digest.digest()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
