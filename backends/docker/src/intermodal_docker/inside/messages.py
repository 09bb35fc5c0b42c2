"""Messages with descriptors between a launcher and process 1 of a container: JSON with its length, over a unix socket.

Used at both ends; inside it is a file beside `init.py`.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

__all__ = ["Message", "Reader", "send"]

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
