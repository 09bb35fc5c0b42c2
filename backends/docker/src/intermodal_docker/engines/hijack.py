"""A connection that began as an HTTP request and carries raw streams since: attached containers and exec."""

from __future__ import annotations

import io
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any

from intermodal_docker.engine import Piece
from intermodal_docker.engines.wire import Answer

__all__ = ["Hijacked", "frames", "pieces"]

_HEADER = struct.Struct(">BxxxL")
_CHUNK = 1 << 16


def frames(read: Callable[[int], bytes]) -> Piece | None:
    """The next piece of a multiplexed stream; None at its end. `read(n)` gives n bytes, fewer only at the end."""
    header = read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    stream, size = _HEADER.unpack(header)
    return (2 if stream == 2 else 1), read(size)


def pieces(data: bytes) -> list[Piece]:
    """All pieces of a multiplexed stream that has ended."""
    found = []
    with io.BytesIO(data) as stream:
        while (piece := frames(stream.read)) is not None:
            found.append(piece)
    return found


class Hijacked:
    """Implements `intermodal_docker.engine.Exec`.

    Args:
        answer: to the request that was upgraded.
        tty: a terminal's output is one stream without frames.
        exit_code, resize: what asks the engine.
    """

    def __init__(
        self, answer: Answer, *, tty: bool, exit_code: Callable[[], int], resize: Callable[[int, int], None]
    ) -> None:
        self._answer = answer
        # Buffered, as the header's last bytes may have brought the first of the stream.
        self._reader = answer.stream()
        self._socket: socket.socket = _socket_of(self._reader)
        self._socket.settimeout(None)
        self._tty = tty
        self._exit_code = exit_code
        self._resize = resize

    def detach(self) -> tuple[socket.socket, bytes]:
        """See `intermodal_docker.engine.Exec`."""
        self._socket.setblocking(False)
        try:
            there = self._reader.peek()
        except (BlockingIOError, ssl.SSLWantReadError):
            there = b""
        return self._socket, there

    def read(self) -> Piece | None:
        """See `intermodal_docker.engine.Exec`."""
        if not self._tty:
            return frames(self._reader.read)
        data = self._reader.read1(_CHUNK)
        return (1, data) if data else None

    def write(self, data: bytes) -> None:
        """See `intermodal_docker.engine.Exec`."""
        self._socket.sendall(data)

    def close_stdin(self) -> None:
        """See `intermodal_docker.engine.Exec`."""
        self._socket.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        """See `intermodal_docker.engine.Exec`."""
        self._resize(rows, columns)

    def exit_code(self) -> int:
        """See `intermodal_docker.engine.Exec`."""
        return self._exit_code()

    def close(self) -> None:
        """See `intermodal_docker.engine.Exec`."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)  # who reads on another thread sees the end
        except OSError:
            pass
        self._answer.close()


def _socket_of(reader: Any) -> socket.socket:
    """The socket below a buffered reader; one that TLS wraps has it deeper."""
    raw = reader.raw
    found = getattr(raw, "_sock", raw)
    assert isinstance(found, socket.socket), f"no socket below {reader!r}"
    return found
