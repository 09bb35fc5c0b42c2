"""Messages with descriptors between launcher, supervisor and zygotes: one JSON object per packet of a local socket."""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

_MAX_PACKET = 64 << 10
_MAX_FDS = 64

Message = dict[str, Any]


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends that keep message borders."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(sock: socket.socket, message: Message, fds: Sequence[int] = ()) -> None:
    """Send one message. A big one travels in a memory file, its packet says so. Raises `OSError`."""
    data = json.dumps(message, separators=(",", ":")).encode()
    if len(data) <= _MAX_PACKET:
        _send(sock, data, fds)
        return
    body = os.memfd_create("intermodal-message", os.MFD_CLOEXEC)
    try:
        with open(body, "wb", closefd=False) as file:
            file.write(data)
        _send(sock, b"@", [body, *fds])
    finally:
        os.close(body)


def receive(sock: socket.socket) -> tuple[Message, list[int]] | None:
    """The next message and its descriptors (close-on-exec; the caller owns them); None at the end of the stream."""
    space = socket.CMSG_SPACE(_MAX_FDS * 4)
    data, ancillary, _, _ = sock.recvmsg(_MAX_PACKET, space, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    if not data:
        return None
    descriptors = fds.tolist()
    if data == b"@":
        with open(descriptors.pop(0), "rb") as file:
            file.seek(0)
            data = file.read()
    message: Message = json.loads(data)
    return message, descriptors


def _send(sock: socket.socket, data: bytes, fds: Sequence[int]) -> None:
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)
