"""The standard streams of processes in sandboxes (sandbox.exec)."""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar

from intermodal.client.checking import checked_class
from intermodal.client.completion import run_async, run_sync
from intermodal.client.dual import dual
from intermodal.definitions.sandbox_client import ask
from intermodal.exception import InvalidError

__all__ = ["StreamReader", "StreamWriter"]

T = TypeVar("T", str, bytes)

_CHUNK = 1 << 20
#: Bytes that wait for `drain`, as in Modal's client.
_BUFFER = 2 << 20


@checked_class
class StreamReader(Generic[T]):
    """What a process writes: text, or with `text=False` its exact bytes. A handle has a position of its own, and one
    that was unpickled begins at the start.

    `read()` gives all that is left; iterating gives pieces as they come, or lines with `bufsize=1`.
    """

    def __init__(self, sandbox: str, process: str, stream: int, *, text: bool = True, by_line: bool = False) -> None:
        self._of = (sandbox, process, stream, text, by_line)
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace") if text else None
        self._line = b""

    @property
    def file_descriptor(self) -> int:
        """1 or 2."""
        return self._of[2]

    @dual
    async def read(self) -> T:
        """Everything from here to the end of the stream, for which it waits."""
        rest, self._line = self._line, b""
        pieces: list[Any] = [self._text(rest)]
        while (piece := await self._next_piece()) is not None:
            pieces.append(piece)
        whole: Any = ("" if self._decoder is not None else b"").join(pieces)
        return whole  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        found = run_sync(self._next())
        if found is None:
            raise StopIteration
        return found

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        found = await run_async(self._next())
        if found is None:
            raise StopAsyncIteration
        return found

    async def _next(self) -> T | None:
        return await (self._next_line() if self._of[4] else self._next_piece())

    async def _next_piece(self) -> T | None:
        while True:
            data = await self._more()
            text = self._text(data, last=not data)
            if text:
                return text
            if not data:
                return None

    async def _next_line(self) -> T | None:
        scanned = 0
        while (end := self._line.find(b"\n", scanned)) < 0:
            scanned = len(self._line)
            data = await self._more()
            if not data:
                line, self._line = self._line, b""
                return self._text(line, last=True) if line else None
            self._line += data
        line, self._line = self._line[: end + 1], self._line[end + 1 :]
        return self._text(line)

    async def _more(self) -> bytes:
        sandbox, process, stream, *_ = self._of
        reply = await ask(sandbox, "read", process=process, stream=stream, offset=self._offset, limit=_CHUNK)
        data = bytes(reply.segments[0])
        self._offset += len(data)
        return data

    def _text(self, data: bytes, *, last: bool = False) -> T:
        found: Any = data if self._decoder is None else self._decoder.decode(data, last)
        return found  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        sandbox, process, stream, text, by_line = self._of
        return _reader, (sandbox, process, stream, text, by_line)


def _reader(sandbox: str, process: str, stream: int, text: bool, by_line: bool) -> StreamReader[Any]:
    return StreamReader(sandbox, process, stream, text=text, by_line=by_line)


@checked_class
class StreamWriter:
    """A process's standard input. What is written waits for `drain()`, which sends it."""

    def __init__(self, sandbox: str, process: str) -> None:
        self._of = (sandbox, process)
        self._waiting = bytearray()
        self._eof = False

    def write(self, data: str | bytes | bytearray | memoryview) -> None:
        """Add to what `drain()` sends. Text goes as UTF-8.

        Raises:
            InvalidError: after `write_eof`, or it is no text and no bytes.
            BufferError: more than 2 MiB wait; call `drain()`.
        """
        if self._eof:
            raise InvalidError("this standard input was ended by write_eof(): nothing can be written any more")
        if isinstance(data, str):
            data = data.encode()
        if len(self._waiting) + len(data) > _BUFFER:
            raise BufferError("more than 2 MiB wait to be sent: call drain() between writes")
        self._waiting += data

    def write_eof(self) -> None:
        """The stream ends after what was written. Call `drain()` to send that."""
        self._eof = True

    @dual
    async def drain(self) -> None:
        """Send what was written; returns when the process's pipe has taken it.

        Raises:
            BrokenPipeError: nobody reads it any more.
        """
        data, self._waiting = bytes(self._waiting), bytearray()
        if data or self._eof:
            sandbox, process = self._of
            await ask(sandbox, "write", (data,), process=process, eof=self._eof)

    def __reduce__(self) -> tuple[Any, ...]:
        return StreamWriter, self._of
