"""Tar archives of what a build's containers are shown, and of what images keep: made piece by piece, never whole in
memory."""

from __future__ import annotations

import functools
import os
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from intermodal.plugins import Blobs
from intermodal.plugins.building import Member, StepRefused, StepRun, tree_members
from intermodal.specs import FileTree

__all__ = ["check_target", "pack", "pack_kit", "pack_tree", "shown_files"]

_PIECE = 1 << 20
_BLOCK = 512
_TYPES = {"file": tarfile.REGTYPE, "directory": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE}


def pack(members: Iterable[Member], target: str = "") -> Iterator[bytes]:
    """An archive from the root that puts `members` below `target`, in pieces of about a MiB at most.

    Directories on the way are not in it: what is there already stays as it is, links included.
    """
    now = time.time()
    yield from _gathered(_blocks(members, target.strip("/"), now))


def _blocks(members: Iterable[Member], target: str, now: float) -> Iterator[bytes]:
    for member in members:
        entry = tarfile.TarInfo("/".join(filter(None, (target, member.path))))
        entry.type, entry.mode, entry.uid, entry.gid = _TYPES[member.kind], member.mode, member.uid, member.gid
        entry.mtime = now if member.mtime is None else member.mtime
        if member.kind == "hardlink":
            entry.linkname = "/".join(filter(None, (target, member.link)))
        elif member.kind == "link":
            entry.linkname = member.link
        elif member.kind == "file":
            entry.size = member.size
        yield entry.tobuf(tarfile.PAX_FORMAT)
        if member.kind == "file" and member.size:
            yield from _padded(member)
    # Podman's reader leaves at the two blocks that end an archive, and fails when more comes: no padding follows.
    yield bytes(2 * _BLOCK)


def _padded(member: Member) -> Iterator[bytes]:
    count = 0
    for piece in member.read():
        count += len(piece)
        yield piece
    if count != member.size:
        raise StepRefused(f"{member.path or 'a file'} changed while it was copied: build again")
    if count % _BLOCK:
        yield bytes(_BLOCK - count % _BLOCK)


def _gathered(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Small ones together: each is a chunk of a request."""
    waiting: list[bytes] = []
    size = 0
    for block in blocks:
        if size + len(block) > _PIECE and waiting:
            yield b"".join(waiting)
            waiting, size = [], 0
        waiting.append(block)
        size += len(block)
    yield b"".join(waiting)


def pack_kit(run: StepRun) -> Iterator[bytes]:
    """All that `run` is shown below KIT, from the root."""
    return pack(shown_files(run))


def shown_files(run: StepRun) -> Iterator[Member]:
    """The files of `run`, by absolute path."""
    for target, data in run.files.items():
        yield Member(path=target.strip("/"), size=len(data), read=functools.partial(iter, [data]))
    for target, source in run.mounts.items():
        if source.is_dir():
            yield Member(path=target.strip("/"), kind="directory", mode=0o755)
        for name, path in _files(source):
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            inside = f"{target}/{name}" if name else target
            yield Member(path=inside.strip("/"), mode=mode, size=path.stat().st_size, read=_reader(path))


def pack_tree(tree: FileTree, target: str, blobs: Blobs) -> Iterator[bytes]:
    """The files of `tree` below the directory `target`, from the root. Raises `StepRefused`."""
    return pack(tree_members(tree, blobs), target)


def check_target(target: str, *, file: bool) -> str:
    """The target of a copying step, made plain. Raises `StepRefused`."""
    if not target.startswith("/") or ".." in target.split("/"):
        raise StepRefused(f"the target {target!r} is not an absolute path without '..'")
    if not target.strip("/") and file:
        raise StepRefused("the target '/' is a directory, and a file was to be copied there: name the file too")
    return "/".join(["", *filter(None, target.split("/"))])


def _reader(path: Path) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    return read


def _files(source: Path) -> Iterator[tuple[str, Path]]:
    if not source.is_dir():
        yield "", source
        return
    for folder, names, files in os.walk(source, followlinks=True):
        names[:] = [name for name in names if name != "__pycache__"]
        for file in files:
            path = Path(folder, file)
            if path.is_file():
                yield str(path.relative_to(source)), path
