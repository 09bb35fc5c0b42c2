"""A session's `Storage` as builders and containers need it: local files of its blobs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from intermodal.exception import BackendError, InvalidError
from intermodal.plugins import Storage
from intermodal.storage.blobs import BlobDirectory

__all__ = ["LocalBlobs"]

#: Blobs that are put at once.
_AT_ONCE = 8


class LocalBlobs:
    """The `Blobs` view of a `Storage` that lives on an event loop.

    Args:
        storage: where blobs are kept.
        cache: has the local files. The built-in storage keeps its blobs there itself, so nothing is copied then.
        loop: runs the storage's coroutines.
    """

    def __init__(self, storage: Storage, cache: BlobDirectory, loop: asyncio.AbstractEventLoop) -> None:
        self._storage, self._cache, self._loop = storage, cache, loop
        self._gate = threading.Lock()
        self._fetching: set[Future[Any]] = set()
        self._closed = False

    async def keep(self, blobs: Mapping[str, bytes | Path]) -> None:
        """Put what the storage lacks, and have it here too. On the loop.

        Raises:
            InvalidError: a local file is not any more what it was when it was hashed.
        """
        waiting = iter(blobs.items())

        async def work() -> None:
            for blob, content in waiting:
                await self._keep(blob, content)

        await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(blobs)))))

    async def _keep(self, blob: str, content: bytes | Path) -> None:
        if not await self._storage.has(blob):
            _check(blob, content, await self._storage.put(content))
        if not self._cache.has(blob):
            _check(blob, content, await asyncio.to_thread(self._cache.put, content))

    def path(self, blob: str) -> Path:
        """A read-only local file with the blob's bytes; fetched first where it is not here. On any thread but the
        loop's.

        Raises:
            KeyError: the storage does not know it.
            BackendError: its bytes do not fit its name, or the session ends meanwhile.
        """
        if not self._cache.has(blob):
            self._cache.fill(blob, self._pieces(blob))
        return self._cache.path(blob)

    def close(self) -> None:
        """Fail who waits for a blob: the loop is about to end. Idempotent."""
        with self._gate:
            self._closed = True
            fetching = list(self._fetching)
        for future in fetching:
            future.cancel()

    def _pieces(self, blob: str) -> Iterator[bytes]:
        pieces = self._storage.stream(blob)
        while (piece := self._wait(pieces)) is not None:
            yield piece

    def _wait(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        async def following() -> bytes | None:
            return await anext(pieces, None)

        with self._gate:
            if self._closed:
                raise _ended()
            future = asyncio.run_coroutine_threadsafe(following(), self._loop)
            self._fetching.add(future)
        try:
            return future.result()
        except CancelledError:
            raise _ended() from None
        finally:
            self._fetching.discard(future)


def _check(blob: str, content: bytes | Path, stored: str) -> None:
    if stored == blob:
        return
    if isinstance(content, Path):
        raise InvalidError(f"local file {content} was changed while it was read: run again")
    raise BackendError(f"the storage calls a blob {stored:.80}, not by the SHA-256 of its bytes, which is {blob}")


def _ended() -> BackendError:
    return BackendError("the session ended while a file was being fetched from its storage")
