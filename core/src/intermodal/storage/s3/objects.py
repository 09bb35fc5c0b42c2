"""The objects of a bucket below a prefix, and what can go wrong with them in words. Only this module knows the client.

The client repeats what servers failed at (5xx, lost connections, time-outs), with back-off, where doing it twice does
no harm. What a conditional put did whose answer was lost, nobody can say here: that is `Unsure`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from intermodal.exception import BackendError

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode

__all__ = ["Object", "Objects", "Unsure"]

_CODE = re.compile(r"<Code>(\w+)</Code>")
_WORDS = 300
_AT_ONCE = 16
#: What a store says to the wrong person, where the client has no error of its own for it.
_FORBIDDEN = ("AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch")
T = TypeVar("T")


class Unsure(BackendError):
    """A conditional put may have happened or not."""


@dataclass(frozen=True, slots=True)
class Object:
    """What a store says of an object: `modified` in Unix seconds of its clock, `size` in bytes."""

    key: str
    size: int
    modified: float
    etag: str


class Objects:
    """Objects by key. `place` is how people call the whole, `once` a client that never repeats a request.

    Every method raises `BackendError` where the store fails or refuses, without anything secret in it. The client's own
    coroutines are not used: what they leave to the interpreter's end may abort it. So requests are made on threads.
    """

    def __init__(self, store: S3Store, once: S3Store, place: str) -> None:
        self._store = store
        self._once = once
        self._threads = ThreadPoolExecutor(_AT_ONCE, "intermodal-s3")
        self.place = place

    async def head(self, key: str) -> Object | None:
        """The object, or None where there is none."""
        with self._speaking("look at", key):
            try:
                return _object(await self._do(obstore.head, self._store, key))
            except FileNotFoundError as error:
                self._refuse_absent_bucket(error)
                return None

    async def read(self, key: str) -> tuple[bytes, str] | None:
        """Bytes and tag, or None where there is none."""

        def work() -> tuple[bytes, str]:
            found = obstore.get(self._store, key)
            return bytes(found.bytes()), found.meta["e_tag"] or ""

        with self._speaking("read", key):
            try:
                return await self._do(work)
            except FileNotFoundError as error:
                self._refuse_absent_bucket(error)
                return None

    async def pieces(self, key: str, size: int) -> AsyncIterator[bytes]:
        """The bytes in pieces of about `size`. Raises `KeyError` where there is none."""
        with self._speaking("read", key):
            try:
                found = await self._do(obstore.get, self._store, key)
            except FileNotFoundError as error:
                self._refuse_absent_bucket(error)
                raise KeyError(key) from None
            pieces = iter(found.stream(min_chunk_size=size))
            while (piece := await self._do(next, pieces, None)) is not None:
                yield bytes(piece)

    async def write(self, key: str, data: bytes | Iterator[bytes]) -> None:
        """Store, whatever is there. It appears whole or, where `data` raises, not at all."""
        with self._speaking("write", key):
            await self._do(lambda: obstore.put(self._store, key, data))

    async def write_if(self, key: str, data: bytes, etag: str | None) -> bool:
        """Store if the object has this tag now (None: if there is none). Raises `Unsure` where nobody can tell."""

        def work() -> None:
            mode: PutMode = "create" if etag is None else {"e_tag": etag}
            obstore.put(self._store, key, data, mode=mode, use_multipart=False)

        try:
            with self._speaking("write", key):
                await self._do(work)
        except (AlreadyExistsError, PreconditionError):
            return False
        except FileNotFoundError as error:
            self._refuse_absent_bucket(error)
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove; what is missing is no error. Never asked twice: a late repetition could remove what came after."""
        with self._speaking("remove", key):
            await self._do(obstore.delete, self._once, key)

    async def list(self, prefix: str) -> AsyncIterator[Object]:
        """Every object whose key begins with `prefix` and a slash."""
        with self._speaking("list", prefix):
            pages = obstore.list(self._store, prefix, chunk_size=1000)
            while (page := await self._do(next, pages, None)) is not None:
                for found in page:
                    yield _object(found)

    async def _do(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    @contextmanager
    def _speaking(self, what: str, key: str) -> Iterator[None]:
        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise
        except BaseError as error:
            reason = _reason(error)
            if isinstance(error, PermissionDeniedError | UnauthenticatedError) or reason in _FORBIDDEN:
                raise BackendError(
                    f"{self.place}: may not {what} {key}: {reason}. Check AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and what they may do there"
                ) from None
            kind = Unsure if what == "write" else BackendError
            raise kind(
                f"{self.place}: could not {what} {key}: {reason}. Check s3.endpoint_url, s3.region and the "
                "network (`intermodal config`)"
            ) from None

    def _refuse_absent_bucket(self, error: FileNotFoundError) -> None:
        if _reason(error) == "NoSuchBucket":
            raise BackendError(
                f"{self.place}: there is no such bucket: make it, or set `storage` to another (`intermodal config`)"
            ) from None


def _object(found: ObjectMeta) -> Object:
    return Object(found["path"], found["size"], found["last_modified"].timestamp(), found["e_tag"] or "")


def _reason(error: Exception) -> str:
    """The store's own code, or what the client says. Answers of servers may repeat credentials: they are left out."""
    text = str(error)
    code = _CODE.search(text)
    if code:
        return code[1]
    return text.split("\n", 1)[0].partition("<?xml")[0].strip(" :-")[:_WORDS]
