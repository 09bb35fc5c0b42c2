"""Files of this machine that containers are to see on another one: named by content, packed in pieces."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Parcel"]

_CHUNK = 1 << 20
_MOST_BYTES = 64 << 20


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

    def archives(self) -> Iterator[bytes]:
        """Tar archives that make it up, each of bounded size, as far as no file is larger. Blocks."""
        buffer = io.BytesIO()
        tar = _archive(buffer)
        for name, path in self.files.items():
            if name:
                tar.add(path, name, recursive=False, filter=_nobodys)
            if buffer.tell() > _MOST_BYTES:
                yield _ended(buffer)
                buffer = io.BytesIO()
                tar = _archive(buffer)
        yield _ended(buffer)


def _archive(buffer: io.BytesIO) -> tarfile.TarFile:
    return tarfile.TarFile(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT)


def _ended(buffer: io.BytesIO) -> bytes:
    """Without the padding that `tarfile` adds: podman's reader leaves at the two blocks, and fails when more comes."""
    return buffer.getvalue() + bytes(2 * tarfile.BLOCKSIZE)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


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
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
    return digest.digest()
