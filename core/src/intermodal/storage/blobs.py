"""Blobs in a directory: files named by the SHA-256 of their bytes, whole or not there."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from intermodal.exception import BackendError, DamagedBlobError
from intermodal.plugins import StoredBlob
from intermodal.storage.small_blobs import put_small
from intermodal.storage.space import needing_space

__all__ = ["CHUNK", "BlobDirectory", "BlobWriter", "check_id", "unknown"]

CHUNK = 1 << 20
_STALE_S = 3600.0  # a temporary file nobody has written to for so long has lost its writer
_ID = re.compile(r"[0-9a-f]{64}")
_Signature = tuple[int, int, int]


def check_id(blob: str) -> str:
    """`blob` if it is a SHA-256 in hex; raises `KeyError` for anything else, so that no path is ever made of it."""
    if not isinstance(blob, str) or _ID.fullmatch(blob) is None:
        raise KeyError(f"{blob!r:.100} is no blob: expected 64 hex digits")
    return blob


class BlobWriter:
    """Bytes on their way into the store, hashed as they come."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        self._file.write(data)

    def digest(self) -> str:
        """The SHA-256 of what was written, in hex."""
        return self._hash.hexdigest()


class BlobDirectory:
    """The blobs under one directory. Blocking calls, from any thread; several processes may share it.

    It is also the `Blobs` view that builders get. A blob's bytes are checked against its name whenever they are read,
    for `path` once per process and file. A damaged one is removed, so that putting it again repairs the store.

    When a blob was last put or asked for is its file's access time: its modification time tells what was checked. A
    lock on the directory orders that against `remove`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / ".tmp"
        self._checked: dict[str, _Signature] = {}
        self._swept = False

    def put(self, data: bytes | Path) -> str:
        """Store bytes, or a file's; the SHA-256 in hex. Raises `ResourceExhaustedError` where there is no space."""
        with needing_space(self._root):
            return self._put_file(data) if isinstance(data, Path) else self._put_bytes(data)

    def put_many(self, contents: Sequence[bytes | Path]) -> list[str]:
        """The same for several; it may raise after some were stored."""
        loaded = [_small(content) for content in contents]
        small = [data for data in loaded if data is not None]
        with needing_space(self._root):
            self._make_room()
            with self._gate(fcntl.LOCK_SH):
                stored = iter(put_small(str(self._root), str(self._temporary), small))
        pairs = zip(contents, loaded, strict=True)
        return [self.put(content) if data is None else next(stored) for content, data in pairs]

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
            found = _signature(path.stat())
        except FileNotFoundError:
            raise unknown(blob) from None
        if self._checked.get(blob) != found:
            with self._open(blob) as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != blob:
                    raise self.damaged(blob)
                self._checked[blob] = _signature(os.fstat(file.fileno()))
        return path

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
        path.unlink(missing_ok=True)
        self._checked.pop(blob, None)
        return DamagedBlobError(
            f"blob {blob}: the stored file {path} does not have the bytes its name stands for (a fault of the disk, or "
            "something wrote to it); it was removed: run again, and what comes from your own files is stored anew. "
            "`intermodal storage verify` tells what else is damaged"
        )

    def fill(self, blob: str, pieces: Iterable[bytes]) -> None:
        """Store what another store has under the name `blob`. Raises `BackendError` where the bytes are not that."""
        check_id(blob)
        with needing_space(self._root), self._writer() as writer:
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
        with suppress(FileNotFoundError), self._gate(fcntl.LOCK_EX):
            found = _stored(blob, path.stat())
            if found.used < before:
                path.unlink()
                self._checked.pop(blob, None)
                return found.size
        return None

    def _put_bytes(self, data: bytes) -> str:
        blob = hashlib.sha256(data).hexdigest()
        if not self._is_whole(blob, len(data)):
            with self._writer() as writer:
                writer.write(data)
        return blob

    def _put_file(self, source: Path) -> str:
        with source.open("rb") as file:
            blob = hashlib.file_digest(file, "sha256").hexdigest()
            if self._is_whole(blob, os.fstat(file.fileno()).st_size):
                return blob
            file.seek(0)
            with self._writer() as writer:  # hashed again: the file may be changing under our hands
                while data := file.read(CHUNK):
                    writer.write(data)
        return writer.digest()

    @contextmanager
    def _writer(self) -> Iterator[BlobWriter]:
        """Write a new blob; it appears, whole, when the block ends well."""
        self._make_room()
        fd, name = tempfile.mkstemp(dir=self._temporary)
        try:
            with os.fdopen(fd, "wb") as file:
                writer = BlobWriter(file)
                yield writer
                os.fchmod(file.fileno(), 0o444)
            target = self._file(writer.digest())
            target.parent.mkdir(mode=0o700, exist_ok=True)
            with self._gate(fcntl.LOCK_SH):
                _use(Path(name))
                os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise

    def _make_room(self) -> None:
        """The place for temporary files; the first time, without what kills left there."""
        if self._swept:
            return
        self._temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._temporary.iterdir():
            with suppress(FileNotFoundError):  # another process sweeps too, or has finished its blob
                if time.time() - path.stat().st_mtime > _STALE_S:
                    path.unlink()
        self._swept = True

    def _is_whole(self, blob: str, size: int) -> bool:
        """A file cut short by a power failure is no reason to skip a put."""
        found = self._touch(blob)
        return found is not None and found.st_size == size

    def _touch(self, blob: str) -> os.stat_result | None:
        """It is used now; what it was like before, or None where it is not here."""
        with suppress(FileNotFoundError), self._gate(fcntl.LOCK_SH):
            return _use(self._file(blob))
        return None

    @contextmanager
    def _gate(self, mode: int) -> Iterator[None]:
        """Between the look at a blob and what follows from it, nobody removes it, or nobody begins to use it."""
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, mode)
            yield
        finally:
            os.close(fd)

    def _open(self, blob: str) -> BufferedReader:
        try:
            return self._file(check_id(blob)).open("rb")
        except FileNotFoundError:
            raise unknown(blob) from None

    def _file(self, blob: str) -> Path:
        return self._root / blob[:2] / blob


def _small(content: bytes | Path) -> bytes | None:
    """Its bytes, unless there are many."""
    if isinstance(content, Path):
        with open(content, "rb", buffering=0) as file:
            data = file.read(CHUNK)
    else:
        data = content
    return data if len(data) < CHUNK else None


def _entries(directory: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except FileNotFoundError:
        return []


def _stored(blob: str, found: os.stat_result) -> StoredBlob:
    return StoredBlob(id=blob, size=found.st_size, used=max(found.st_atime, found.st_mtime))


def _use(path: Path) -> os.stat_result:
    found = path.stat()
    os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))
    return found


def _signature(found: os.stat_result) -> _Signature:
    return found.st_ino, found.st_size, found.st_mtime_ns


def unknown(blob: str) -> KeyError:
    """The error for a blob that a store does not have."""
    return KeyError(f"no blob {blob} in this store")
