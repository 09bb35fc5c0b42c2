"""Messages with descriptors between a launcher and process 1 of a container: JSON with its length, over a unix socket.

Used at both ends; inside it is a file beside `init.py`.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from intermodal_docker.inside.line import Heard, Loop

__all__ = ["Message", "Reader", "SocketLine", "send"]

Message = Any  # a JSON object
_LENGTH = struct.Struct("!I")
_CHUNK = 1 << 16
_MAX_FDS = 32


def send(sock: socket.socket, message: Message, fds: Sequence[int] = ()) -> None:
    """Send one message. The descriptors stay the caller's. Blocks; raises `OSError` where nobody listens."""
    data = json.dumps(message).encode()
    data = _LENGTH.pack(len(data)) + data
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sent = sock.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)
    sock.sendall(data[sent:])


class Reader:
    """Puts messages together from what a socket gives."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._data = bytearray()
        self.fds: list[int] = []  #: those that came with messages so far, in order; whoever takes one owns it

    def read(self) -> list[Message] | None:
        """Receive once, and give the messages that are complete; None at the end of the stream."""
        space = socket.CMSG_SPACE(_MAX_FDS * 4)
        data, ancillary, _, _ = self.sock.recvmsg(_CHUNK, space, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
                self.fds += fds
        if not data:
            return None
        self._data += data
        return list(iter(self._next, None))

    def take(self, count: int) -> list[int]:
        """The next descriptors that came."""
        taken, self.fds = self.fds[:count], self.fds[count:]
        return taken

    def close(self) -> None:
        """Close the socket, and the descriptors that nobody took."""
        self.sock.close()
        for fd in self.take(len(self.fds)):
            os.close(fd)

    def _next(self) -> Message:
        if len(self._data) < _LENGTH.size:
            return None
        end = _LENGTH.size + int(_LENGTH.unpack_from(self._data)[0])
        if len(self._data) < end:
            return None
        message = json.loads(self._data[_LENGTH.size : end])
        del self._data[:end]
        return message


class SocketLine:
    """See `intermodal_docker.inside.line.Line`.

    Args:
        patience: seconds that a message may wait for the other end to take it; None: for ever.
    """

    local = True

    def __init__(self, loop: Loop, reader: Reader, patience: float | None = None) -> None:
        self._loop = loop
        self._reader = reader
        self._sock = reader.sock
        self._sock.settimeout(patience)
        self._closed = False

    def fileno(self) -> int:
        """See `Line`."""
        return self._sock.fileno()

    def listen(self, heard: Heard, over: Callable[[], None]) -> None:
        """See `Line`."""
        self._heard, self._over = heard, over
        self._loop.add_reader(self._sock.fileno(), self._hear)

    def tell(self, message: Message, fds: Sequence[int] = ()) -> None:
        """See `Line`."""
        send(self._sock, message, fds)

    def resize(self, number: int, rows: int, columns: int) -> bool:
        """See `Line`."""
        return False

    def end(self) -> None:
        """See `Line`. Where the other end does not listen, the line ends without its consent."""
        self._sock.setblocking(False)
        try:
            self.tell({"t": "leave"})
        except OSError:
            self._cut()

    def close(self) -> None:
        """See `Line`."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._sock.fileno())
            self._reader.close()

    def descriptors(self) -> list[int]:
        """See `Line`."""
        return [self._sock.fileno()]

    def settle(self) -> None:
        """See `Line`."""

    def _cut(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _hear(self) -> None:
        try:
            messages = self._reader.read()
            for message in messages or ():
                self._heard(message, self._reader.take(message.get("fds", 0)))
        except (BlockingIOError, TimeoutError):
            return
        except (OSError, ValueError, LookupError, TypeError, AttributeError):  # nothing that an end of ours would say
            messages = None
        if messages is None:
            self.close()
            self._over()
