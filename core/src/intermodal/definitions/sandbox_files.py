"""Files of a sandbox: `Sandbox.open`, `ls`, `mkdir`, `rm`, `watch` (sandbox.files)."""

from __future__ import annotations

import enum
import io
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from intermodal.client.api import Reply
from intermodal.client.checking import checked_class
from intermodal.client.dual import dual
from intermodal.definitions.sandbox_client import ask

__all__ = ["FileIO", "FileWatchEvent", "FileWatchEventType", "file_request", "watched"]

T = TypeVar("T", str, bytes)

#: Bytes that one request reads or writes.
_CHUNK = 4 << 20
#: Seconds that one request waits for a change.
_LOOK_S = 10.0


class FileWatchEventType(enum.Enum):
    """What happened to a file."""

    Unknown = "Unknown"
    Access = "Access"
    Create = "Create"
    Modify = "Modify"
    Remove = "Remove"


@dataclass(frozen=True)
class FileWatchEvent:
    """One change below a watched path."""

    paths: list[str]
    type: FileWatchEventType


async def file_request(sandbox: str, operation: str, segments: Sequence[bytes] = (), **arguments: Any) -> Reply:
    """Ask about files. Raises the operating system's errors, as builtins."""
    return await ask(sandbox, "file", segments, op=operation, **{"with": arguments})


@checked_class
class FileIO(Generic[T]):
    """An open file in a sandbox, for `with` and `async with`. Text is UTF-8; positions are in bytes."""

    def __init__(self, sandbox: str, number: int, mode: str) -> None:
        self._sandbox, self._number, self._text = sandbox, number, "b" not in mode
        self._closed = False

    @dual
    async def read(self, n: int | None = None) -> T:
        """At most `n` bytes, or characters of that many bytes, from here; without `n` all that is left."""
        pieces: list[bytes] = []
        left = -1 if n is None or n < 0 else n
        while left:
            size = _CHUNK if left < 0 else min(left, _CHUNK)
            data = bytes((await self._ask("read", size=size)).segments[0])
            pieces.append(data)
            left -= len(data) if left > 0 else 0
            if not data:
                break
        return self._shown(b"".join(pieces))

    @dual
    async def readline(self) -> T:
        """A line with its end; nothing at the end of the file."""
        return self._shown(bytes((await self._ask("readline")).segments[0]))

    @dual
    async def readlines(self) -> list[T]:
        """All lines from here."""
        lines: list[T] = []
        while line := self._shown(bytes((await self._ask("readline")).segments[0])):
            lines.append(line)
        return lines

    @dual
    async def write(self, data: T) -> None:
        """Others see it after `flush` or `close`."""
        raw = memoryview(data.encode() if isinstance(data, str) else data)
        for start in range(0, len(raw), _CHUNK):
            await self._ask("write", (bytes(raw[start : start + _CHUNK]),))

    @dual
    async def seek(self, offset: int, whence: int = io.SEEK_SET) -> None:
        """Go to a byte."""
        await self._ask("seek", offset=offset, whence=whence)

    @dual
    async def flush(self) -> None:
        """Let others see what was written."""
        await self._ask("flush")

    @dual
    async def close(self) -> None:
        """Idempotent."""
        if not self._closed:
            self._closed = True
            await self._ask("close")

    def __enter__(self) -> FileIO[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> FileIO[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close.aio()

    async def _ask(self, operation: str, segments: Sequence[bytes] = (), **arguments: Any) -> Reply:
        return await file_request(self._sandbox, operation, segments, file=self._number, **arguments)

    def _shown(self, data: bytes) -> T:
        shown: Any = data.decode() if self._text else data
        return shown  # type: ignore[no-any-return]


async def watched(
    sandbox: str, path: str, kinds: Sequence[FileWatchEventType] | None, recursive: bool, timeout: float | None
) -> AsyncGenerator[FileWatchEvent, None]:
    """Changes from now on; ends after `timeout` seconds without one."""
    number = (await file_request(sandbox, "watch", path=path, recursive=recursive)).value
    waited = 0.0
    try:
        while timeout is None or waited < timeout:
            look = _LOOK_S if timeout is None else min(_LOOK_S, timeout - waited)
            changes = (await file_request(sandbox, "changes", watch=number, timeout=look)).value
            waited = waited + look if not changes else 0.0
            for kind, changed in changes:
                event = FileWatchEvent([changed], FileWatchEventType(kind))
                if kinds is None or event.type in kinds:
                    yield event
    finally:
        await file_request(sandbox, "unwatch", watch=number)
