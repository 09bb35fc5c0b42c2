"""How bytes become blobs of a directory: read once, hashed while they are copied, whole or not there."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from intermodal.plugins.holding import guarding
from intermodal.storage.space import needing_space

__all__ = ["BlobWriter", "Intake", "use"]

_PIECE = 1 << 19  # what is read, hashed and written while a core's cache has it
_SMALL = 1 << 17  # for up to so many bytes the system calls cost more than hashing does
_AT_ONCE = min(max(2, os.cpu_count() or 2), 8)
_STALE_S = 3600.0  # a temporary file nobody has written to for so long has lost its writer


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


class Intake:
    """Puts blobs into the directory `root`: each is written under another name and renamed once. Nothing is forced to
    the disk: after a power failure a blob may be cut short, and the next put of its bytes mends it.

    A lock on the directory keeps others from removing what is just found to be there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / ".tmp"
        self._swept = False

    def put(self, data: bytes | Path) -> str:
        """Store bytes, or a file's; the SHA-256 in hex. A file's are copied before it is known whether they are there.

        Raises `ResourceExhaustedError`.
        """
        if isinstance(data, Path):
            return self._put_file(data)
        blob = hashlib.sha256(data).hexdigest()
        if not self._is_there(blob, len(data)):
            with self.writer() as writer:
                writer.write(data)
        return blob

    def put_many(self, contents: Sequence[bytes | Path]) -> list[str]:
        """The same for several, large ones side by side; it may raise after some were stored."""
        small = [_small(content) for content in contents]
        with ThreadPoolExecutor(_AT_ONCE, "intermodal-put") as pool:
            pairs = zip(contents, small, strict=True)
            large = [pool.submit(self.put, content) for content, data in pairs if data is None]
            try:
                stored = iter(self._put_small([data for data in small if data is not None]))
                others = iter([each.result() for each in large])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return [next(others if data is None else stored) for data in small]

    @contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """Write a blob; it appears, whole, when the block ends well. Raises `ResourceExhaustedError`."""
        with needing_space(self._root), self._fresh() as fresh:
            with open(fresh, "xb") as file:
                writer = BlobWriter(file)
                yield writer
                os.fchmod(file.fileno(), 0o444)
                size = file.tell()
            with guarding(self._root, shared=True):
                blob = writer.digest()
                if not _is_whole(self._file(blob), size):
                    use(fresh)
                    _move(fresh, self._file(blob))

    def _put_file(self, source: Path) -> str:
        with source.open("rb", buffering=0) as file, self.writer() as writer:
            buffer = memoryview(bytearray(_PIECE))
            while count := file.readinto(buffer):
                writer.write(buffer[:count])
        return writer.digest()

    def _put_small(self, contents: Sequence[bytes]) -> list[str]:
        """No more system calls for each than it takes."""
        blobs = [hashlib.sha256(data).hexdigest() for data in contents]
        with needing_space(self._root), self._fresh() as fresh, guarding(self._root, shared=True):
            for blob, data in zip(blobs, contents, strict=True):
                target = self._file(blob)
                if not _is_whole(target, len(data)):
                    _write(fresh, data)
                    _move(fresh, target)
        return blobs

    def _is_there(self, blob: str, size: int) -> bool:
        with suppress(FileNotFoundError), guarding(self._root, shared=True):
            return _is_whole(self._file(blob), size)
        return False

    @contextmanager
    def _fresh(self) -> Iterator[str]:
        """A name for files that are being written; a file that still has it in the end goes."""
        self._make_room()
        fresh = f"{self._temporary}/{secrets.token_hex(8)}"
        try:
            yield fresh
        finally:
            with suppress(FileNotFoundError):
                os.unlink(fresh)

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

    def _file(self, blob: str) -> str:
        return f"{self._root}/{blob[:2]}/{blob}"


def use(path: str | Path) -> os.stat_result:
    """It is used now: its access time says so. What it was like before."""
    found = os.stat(path)
    os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))
    return found


def _is_whole(target: str, size: int) -> bool:
    """Is it there, and so used now? A power failure may have cut it short."""
    try:
        return use(target).st_size == size
    except FileNotFoundError:
        return False


def _small(content: bytes | Path) -> bytes | None:
    """Its bytes, unless there are many."""
    if isinstance(content, Path):
        with open(content, "rb", buffering=0) as file:
            data = file.read(_SMALL)
    else:
        data = content
    return data if len(data) < _SMALL else None


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def _move(fresh: str, target: str) -> None:
    try:
        os.rename(fresh, target)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        os.rename(fresh, target)
