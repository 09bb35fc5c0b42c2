"""Blobs in a directory: files named by the SHA-256 of their bytes, whole or not there."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from intermodal.exception import BackendError, DamagedBlobError
from intermodal.plugins import StoredBlob
from intermodal.plugins.holding import guarding
from intermodal.storage.intake import Intake, use

__all__ = ["CHUNK", "BlobDirectory", "check_id", "unknown"]

CHUNK = 1 << 20
_ID = re.compile(r"[0-9a-f]{64}")
_SMALL = 1 << 16


class _Signature(NamedTuple):
    inode: int
    size: int
    mtime: int


def check_id(blob: str) -> str:
    """`blob` if it is a SHA-256 in hex; raises `KeyError` for anything else, so that no path is ever made of it."""
    if not isinstance(blob, str) or _ID.fullmatch(blob) is None:
        raise KeyError(f"{blob!r:.100} is no blob: expected 64 hex digits")
    return blob


class BlobDirectory:
    """The blobs under one directory. Blocking calls, from any thread; several processes may share it.

    It is also the `Blobs` view that builders get. A blob's bytes are checked against its name whenever they are read,
    for `path` once per process and file. A damaged one is removed, so that putting it again repairs the store.

    When a blob was last put or asked for is its file's access time: its modification time tells what was checked. A
    lock on the directory orders that against `remove`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._intake = Intake(root)
        self._checked: dict[str, _Signature] = {}

    def put(self, data: bytes | Path) -> str:
        """Store bytes, or a file's; the SHA-256 in hex. Raises `ResourceExhaustedError` where there is no space."""
        return self._intake.put(data)

    def put_many(self, contents: Sequence[bytes | Path]) -> list[str]:
        """The same for several; it may raise after some were stored."""
        return self._intake.put_many(contents)

    def get(self, blob: str) -> bytes:
        """The bytes. Raises `KeyError` where it is unknown, `DamagedBlobError` where its file is damaged."""
        with self._open(blob) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != blob:
            raise self.damaged(blob)
        return data

    def has(self, blob: str) -> bool:
        """Is it here? If so, it counts as used now."""
        return self._touch(check_id(blob)) is not None

    def path(self, blob: str) -> Path:
        """A read-only file with the blob's bytes, checked. Raises like `get`."""
        path = self._file(check_id(blob))
        try:
            found = _signature(os.stat(path))
        except FileNotFoundError:
            raise unknown(blob) from None
        if self._checked.get(blob) != found:
            with self._open(blob) as file:
                if _digest(file, found.size) != blob:
                    raise self.damaged(blob)
                self._checked[blob] = _signature(os.fstat(file.fileno()))
        return Path(path)

    def chunks(self, blob: str, size: int = CHUNK) -> Generator[bytes, None, None]:
        """The bytes in pieces. The last piece comes only if all of them fit the name. Raises like `get`."""
        with self._open(blob) as file:
            digest = hashlib.sha256()
            piece = file.read(size)
            while following := file.read(size):
                digest.update(piece)
                yield piece
                piece = following
            digest.update(piece)
        if digest.hexdigest() != blob:
            raise self.damaged(blob)
        if piece:
            yield piece

    def damaged(self, blob: str) -> DamagedBlobError:
        """Take a damaged blob out of the store; the error to raise."""
        path = self._file(blob)
        with suppress(FileNotFoundError):
            os.unlink(path)
        self._checked.pop(blob, None)
        return DamagedBlobError(
            f"blob {blob}: the stored file {path} does not have the bytes its name stands for (a fault of the disk, or "
            "something wrote to it); it was removed: run again, and what comes from your own files is stored anew. "
            "`intermodal storage verify` tells what else is damaged"
        )

    def fill(self, blob: str, pieces: Iterable[bytes]) -> None:
        """Store what another store has under the name `blob`. Raises `BackendError` where the bytes are not that."""
        check_id(blob)
        with self._intake.writer() as writer:
            for piece in pieces:
                writer.write(piece)
            if writer.digest() != blob:
                raise BackendError(f"what was fetched as blob {blob} has other bytes than its name stands for")

    def all(self) -> Iterator[StoredBlob]:
        """Every blob, in no order. What is put or removed meanwhile may be among them or not."""
        for directory in _entries(self._root):
            if not directory.name.startswith("."):
                for entry in _entries(directory.path):
                    with suppress(FileNotFoundError):
                        yield _stored(entry.name, entry.stat())

    def remove(self, blobs: Iterable[str], before: float) -> dict[str, int]:
        """Forget those that were last put or asked for before then (Unix seconds); the bytes that each frees."""
        removed = ((blob, self._remove(blob, before)) for blob in blobs)
        return {blob: size for blob, size in removed if size is not None}

    def _remove(self, blob: str, before: float) -> int | None:
        path = self._file(check_id(blob))
        with suppress(FileNotFoundError), guarding(self._root, shared=False):
            found = _stored(blob, os.stat(path))
            if found.used < before:
                os.unlink(path)
                self._checked.pop(blob, None)
                return found.size
        return None

    def _touch(self, blob: str) -> os.stat_result | None:
        """It is used now; what it was like before, or None where it is not here."""
        with suppress(FileNotFoundError), guarding(self._root, shared=True):
            return use(self._file(blob))
        return None

    def _open(self, blob: str) -> BufferedReader:
        try:
            return open(self._file(check_id(blob)), "rb")
        except FileNotFoundError:
            raise unknown(blob) from None

    def _file(self, blob: str) -> str:
        return f"{self._root}/{blob[:2]}/{blob}"


def _entries(directory: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except FileNotFoundError:
        return []


def _stored(blob: str, found: os.stat_result) -> StoredBlob:
    return StoredBlob(id=blob, size=found.st_size, used=max(found.st_atime, found.st_mtime))


def _signature(found: os.stat_result) -> _Signature:
    return _Signature(found.st_ino, found.st_size, found.st_mtime_ns)


def _digest(file: BufferedReader, size: int) -> str:
    """The SHA-256 in hex. For small files what `file_digest` sets up costs more than the bytes do."""
    if size < _SMALL:
        return hashlib.sha256(file.read()).hexdigest()
    return hashlib.file_digest(file, "sha256").hexdigest()


def unknown(blob: str) -> KeyError:
    """The error for a blob that a store does not have."""
    return KeyError(f"no blob {blob} in this store")
