"""The socket by which this user's other processes reach a session's sandboxes: the frames that guests send, too."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from intermodal.driver.replies import reply_to
from intermodal.storage import Reply
from intermodal.wire.frame import FrameError, FrameReader, encode

__all__ = ["Door", "connect"]

_NAME = "door"
_CHUNK = 1 << 16
_LIMIT = 64 << 20

Handle = Callable[[str, dict[str, Any], Sequence[bytes]], Awaitable[Reply]]


class Door:
    """Listens in a directory that is this user's alone."""

    def __init__(self, folder: Path, handle: Handle) -> None:
        self._folder = folder
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """From now on."""
        listener = socket.socket(socket.AF_UNIX)
        with _short(self._folder) as folder:
            listener.bind(f"{folder}/{_NAME}")
        self._server = await asyncio.start_unix_server(self._serve, sock=listener)

    async def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self._tasks.add(this)
        asked: dict[Any, asyncio.Task[None]] = {}
        frames = FrameReader(_LIMIT)
        try:
            while data := await reader.read(_CHUNK):
                for header, segments in frames.feed(data):
                    self._take(header, segments, writer, asked)
        except (FrameError, KeyError, TypeError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(this)
            for task in asked.values():
                task.cancel()
            await asyncio.gather(*asked.values(), return_exceptions=True)
            writer.close()

    def _take(
        self,
        header: dict[str, Any],
        segments: list[bytes],
        writer: asyncio.StreamWriter,
        asked: dict[Any, asyncio.Task[None]],
    ) -> None:
        number = header["id"]
        if header["t"] == "withdraw":
            if number in asked:
                asked[number].cancel()
            return
        task = asyncio.get_running_loop().create_task(self._answer(header, segments, writer))
        asked[number] = task
        task.add_done_callback(lambda _: asked.pop(number, None))

    async def _answer(self, header: dict[str, Any], segments: list[bytes], writer: asyncio.StreamWriter) -> None:
        reply, answer = await reply_to(header, lambda method, params: self._handle(method, params, segments))
        with contextlib.suppress(ConnectionError):
            writer.write(b"".join(encode(reply, answer.segments if answer is not None else ())))
            await writer.drain()


def connect(folder: Path) -> socket.socket:
    """A connection to the session whose directory this is. Raises `OSError`."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        with _short(folder) as short:
            sock.connect(f"{short}/{_NAME}")
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """By way of a descriptor, as the length of a socket's path is limited."""
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)
