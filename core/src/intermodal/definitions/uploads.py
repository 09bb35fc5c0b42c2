"""`Volume.batch_upload`: files, directories and file-like objects, published together (volume.client)."""

from __future__ import annotations

import os
import posixpath
import stat
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from intermodal.client.api import Reply
from intermodal.client.checking import checked_class
from intermodal.client.context import in_container
from intermodal.client.dual import Dual
from intermodal.client.shown import shown
from intermodal.exception import InvalidError

__all__ = ["BatchUpload"]

_GROUP = 1024  # files that are stored together
_GROUP_BYTES = 64 << 20
_GROUP_BYTES_SENT = 8 << 20  # where their contents travel
_LARGEST_SENT = 64 << 20

_Request = Callable[..., Awaitable[Reply]]


@dataclass(frozen=True)
class _Piece:
    """One path to upload. `content`: a local file's path or bytes, or None for what is no file."""

    path: str
    content: str | bytes | None
    size: int
    mode: int
    mtime: int
    link: str | None = None

    def row(self, blob: str | None) -> list[Any]:
        if blob is not None:
            return [self.path, "file", blob, self.size, self.mode, self.mtime]
        if self.link is not None:
            return [self.path, "link", self.link, self.mtime]
        return [self.path, "directory", self.mode, self.mtime]


@checked_class
class BatchUpload:
    """A context manager, sync and async. What is put is read when the block ends."""

    def __init__(self, request: _Request, force: bool) -> None:
        self._request, self._force = request, force
        self._pieces: list[_Piece] = []
        #: told of progress: files and bytes that were stored since the last time, of how many in all
        self.on_stored: Callable[[int, int], None] = lambda files, size: None

    def put_file(
        self, local_file: str | os.PathLike[str] | BinaryIO, remote_path: str, mode: int | None = None
    ) -> None:
        """Upload a local file, or what a binary file-like object has, to `remote_path`; with a "/" at its end, into
        that directory. `mode`: permission bits; default: the file's own, or 0o644.

        Raises `FileNotFoundError`, `IsADirectoryError` for the local file, `InvalidError`.
        """
        if hasattr(local_file, "read"):
            content = local_file.read()
            if not isinstance(content, bytes):
                raise InvalidError(f"put_file takes a file opened for bytes (mode 'rb'), not {local_file!r:.80}")
            self._pieces.append(_Piece(_to(remote_path, ""), content, len(content), mode or 0o644, time.time_ns()))
            return
        local = os.fspath(local_file)
        found = os.stat(local)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(f"{local} is a directory: use put_directory()")
        self._pieces.append(_file(local, found, _to(remote_path, os.path.basename(local)), mode))

    def put_directory(self, local_path: str | os.PathLike[str], remote_path: str, recursive: bool = True) -> None:
        """Upload what a local directory holds to the directory `remote_path`; not `recursive`: only its own files.

        Symbolic links stay links. Raises `NotADirectoryError`, `FileNotFoundError`.
        """
        local = os.fspath(local_path)
        if not os.path.isdir(local):
            raise NotADirectoryError(f"{local} is no directory") if os.path.exists(local) else FileNotFoundError(local)
        self._pieces += _walk(local, _to(remote_path.rstrip("/"), ""), recursive)

    def sizes(self) -> tuple[int, int]:
        """How many files there are, and bytes in them."""
        files = [piece.size for piece in self._pieces if piece.content is not None]
        return len(files), sum(files)

    def __enter__(self) -> BatchUpload:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is None:
            Dual(self._send)()

    async def __aenter__(self) -> BatchUpload:
        return self

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is None:
            await Dual(self._send).aio()

    async def _send(self) -> None:
        blobs: dict[int, str] = {}
        for group in self._groups():
            numbers = [number for number, _ in group]
            blobs.update(zip(numbers, await self._stage([piece for _, piece in group]), strict=True))
            self.on_stored(len(group), sum(piece.size for _, piece in group))
        rows = [piece.row(blobs.get(number)) for number, piece in enumerate(self._pieces)]
        if rows:
            await self._request("put", entries=rows, force=self._force)

    async def _stage(self, pieces: list[_Piece]) -> list[str]:
        """Store contents. A process that hosts the engine names its files; from a container their bytes are sent."""
        if in_container() or any(isinstance(piece.content, bytes) for piece in pieces):
            reply = await self._request("stage", [_content(piece) for piece in pieces])
        else:
            reply = await self._request("stage", files=[os.path.abspath(str(piece.content)) for piece in pieces])
        blobs: list[str] = reply.value
        return blobs

    def _groups(self) -> Iterator[list[tuple[int, _Piece]]]:
        group: list[tuple[int, _Piece]] = []
        size, sent, most = 0, False, 0
        for number, piece in enumerate(self._pieces):
            if piece.content is None:
                continue
            in_memory = isinstance(piece.content, bytes)
            if group and (len(group) == _GROUP or size + piece.size > most or in_memory != sent):
                yield group
                group, size = [], 0
            sent = in_memory
            most = _GROUP_BYTES_SENT if in_memory or in_container() else _GROUP_BYTES
            group.append((number, piece))
            size += piece.size
        if group:
            yield group


def _content(piece: _Piece) -> bytes:
    if piece.size > _LARGEST_SENT and in_container():
        raise InvalidError(
            f"{piece.path!r} has {piece.size:,} bytes: from inside a container files of up to {_LARGEST_SENT:,} are "
            "uploaded; mount the volume, and write it there"
        )
    if isinstance(piece.content, bytes):
        return piece.content
    with open(str(piece.content), "rb") as file:
        return file.read()


def _file(local: str, found: os.stat_result, path: str, mode: int | None = None) -> _Piece:
    mode = found.st_mode & 0o777 if mode is None else mode
    return _Piece(path, local, found.st_size, mode, found.st_mtime_ns)


def _walk(local: str, path: str, recursive: bool) -> Iterator[_Piece]:
    if path:
        found = os.stat(local)
        yield _Piece(path, None, 0, found.st_mode & 0o777, found.st_mtime_ns)
    with os.scandir(local) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            inner, found = posixpath.join(path, entry.name), entry.stat(follow_symlinks=False)
            if entry.is_symlink():
                yield _Piece(inner, None, 0, 0o777, found.st_mtime_ns, os.readlink(entry.path))
            elif entry.is_file():
                yield _file(entry.path, found, inner)
            elif entry.is_dir() and recursive:
                yield from _walk(entry.path, inner, recursive)


def _to(remote: str, name: str) -> str:
    """The path that is meant; the control plane checks it."""
    if remote.endswith("/") and name:
        remote += name
    if not remote.strip("/") and name:
        raise InvalidError(f"remote_path={shown(remote)} names no file: write '/{name}'")
    return remote.strip("/")
