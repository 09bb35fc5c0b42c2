"""Tar archives for an engine: made piece by piece, never whole in memory."""

from __future__ import annotations

import tarfile
import time
from collections.abc import Iterable, Iterator

from intermodal.exception import BackendError
from intermodal.plugins.building import Member

__all__ = ["pack"]

_PIECE = 1 << 20
_BLOCK = 512
_TYPES = {"file": tarfile.REGTYPE, "directory": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE}


def pack(members: Iterable[Member], target: str = "") -> Iterator[bytes]:
    """An archive from the root that puts `members` below `target`, in pieces of about a MiB at most.

    Directories on the way are not in it: what is there already stays as it is, links included. Raises `BackendError`: a
    file changed meanwhile.
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
        raise BackendError(f"{member.path or 'a file'} changed while it was copied: run it again")
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
