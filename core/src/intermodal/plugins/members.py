"""What a copying step puts into an image, one thing after another: from trees, archives, and streams of engines.

Public to authors of backends, as names of `intermodal.plugins.building`.
"""

from __future__ import annotations

import functools
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Literal

from intermodal.plugins.roles import Blobs
from intermodal.plugins.step_runs import StepRefused
from intermodal.specs import CopyFrom, FileTree

__all__ = ["Member", "archive_members", "chosen", "pattern_parts", "stream_members", "tree_members"]

_PIECE = 1 << 20


def _no_bytes() -> Iterator[bytes]:
    return iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One thing.

    Attributes:
        path: relative to where it is put, "" for the place itself; no part of it is "..".
        link: what a link says, whatever that means in the image; for a hard link, the `path` of an earlier member.
        size: bytes of a file, which `read` gives piece by piece. Members of a stream are read in order or not at all.
    """

    path: str
    kind: Literal["file", "directory", "link", "hardlink"] = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: float | None = None
    link: str = ""
    read: Callable[[], Iterator[bytes]] = _no_bytes


def tree_members(tree: FileTree, blobs: Blobs) -> Iterator[Member]:
    """Of a tree that travelled by content. Raises `StepRefused`: a name leads out of it, or a blob is not there."""
    for entry in tree.entries:
        if entry.path:
            _check(entry.path)
        if entry.kind == "directory":
            yield Member(path=entry.path, kind="directory", mode=entry.mode & 0o7777)
            continue
        try:
            source = blobs.path(entry.blob)
        except KeyError:
            raise StepRefused(f"the content of {entry.path!r} ({entry.blob[:12]}) is not there") from None
        if entry.kind == "link":
            yield Member(path=entry.path, kind="link", mode=0o777, link=source.read_text())
        else:
            size = source.stat().st_size
            yield Member(path=entry.path, mode=entry.mode & 0o7777, size=size, read=functools.partial(_pieces, source))


def archive_members(archive: Path, name: str) -> Iterator[Member]:
    """Of a tar archive, compressed or not, called `name` for people.

    Raises `StepRefused`: it is hostile or damaged: names that lead out, hard links to what is outside of it, devices.
    """
    try:
        with tarfile.open(archive) as tar:
            yield from _tar_members(tar, name, lambda path: path)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StepRefused(f"the archive {name} cannot be read: {error}") from None


def stream_members(pieces: Iterable[bytes], name: str, skipped: tuple[str, ...] = ()) -> Iterator[Member]:
    """Of a tar archive that comes in `pieces`; the first part of each name, its common directory, is taken away.

    Names that begin with one of `skipped` are passed over.
    """
    with tarfile.open(fileobj=_Stream(iter(pieces)), mode="r|") as tar:
        yield from _tar_members(tar, name, _without_first, skipped)


def chosen(step: CopyFrom, pattern: str, members: Iterable[Member]) -> Iterator[Member]:
    """What a copying step takes of `members`, which are below the part of `pattern` that has no wildcards.

    Of directories that the pattern names, the content; files under their own names where the target is a directory.
    """
    wanted = pattern_parts(pattern)[1]
    for member in members:
        parts = member.path.split("/") if member.path else []
        if len(parts) < len(wanted) or not all(map(fnmatchcase, parts, wanted)):
            continue
        top, inside = parts[: len(wanted)], parts[len(wanted) :]
        if not inside and member.kind == "directory":
            continue
        path = "/".join(inside) if inside else (top[-1] if top else Path(pattern).name) if step.directory else ""
        link = member.link
        if member.kind == "hardlink":
            link = "/".join(link.split("/")[len(wanted) :]) if inside else ""
        mode = member.mode if step.mode is None or member.kind == "link" else step.mode
        yield replace(member, path=path, link=link, mode=mode)


def pattern_parts(pattern: str) -> tuple[str, list[str]]:
    """The leading directories of `pattern` that have no wildcards, and the parts after them."""
    parts = [part for part in pattern.split("/") if part]
    plain = next((n for n, part in enumerate(parts) if set("*?[") & set(part)), len(parts))
    return "/" + "/".join(parts[:plain]), parts[plain:]


def _tar_members(
    tar: tarfile.TarFile, name: str, renamed: Callable[[str], str], skipped: tuple[str, ...] = ()
) -> Iterator[Member]:
    for entry in tar:
        path = _plain(renamed(entry.name), name)
        if skipped and path.startswith(skipped):
            continue
        common = functools.partial(
            Member, path=path, mode=entry.mode & 0o7777, uid=entry.uid, gid=entry.gid, mtime=entry.mtime
        )
        if entry.isdir():
            yield common(kind="directory")
        elif entry.issym():
            yield common(kind="link", link=entry.linkname)
        elif entry.islnk():
            yield common(kind="hardlink", link=_plain(renamed(entry.linkname), name))
        elif entry.isreg():
            file = tar.extractfile(entry)
            assert file is not None
            yield common(size=entry.size, read=functools.partial(_read, file))
        else:
            raise StepRefused(f"{name} has {entry.name!r}, a device or a pipe, which images cannot have: leave it out")


def _plain(path: str, name: str) -> str:
    path = path.removeprefix("./").rstrip("/")
    if path in ("", "."):
        return ""
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise StepRefused(f"{name} has {path!r}, which leads out of it")
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _check(path: str) -> None:
    if "\0" in path or {"", ".", ".."} & set(path.split("/")):
        raise StepRefused(f"the file name {path!r} leads out of its tree or names nothing")


def _without_first(path: str) -> str:
    return path.partition("/")[2]


def _pieces(source: Path) -> Iterator[bytes]:
    with source.open("rb") as file:
        yield from _read(file)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


class _Stream(io.RawIOBase):
    """Pieces as a file that is read once."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            found = next(self._pieces, None)
            if found is None:
                return 0
            self._rest = found
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
