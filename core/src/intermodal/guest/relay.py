"""Standard streams to a port inside a sandbox, for one connection of a tunnel. Standard library only, Python 3.10."""

from __future__ import annotations

import os
import socket
import sys
import threading

__all__ = ["main"]

_CHUNK = 1 << 16


def main(port: int) -> None:
    """Connect, and copy both ways until both have ended."""
    try:
        there = socket.create_connection(("127.0.0.1", port))
    except OSError as error:
        sys.exit(f"port {port}: {error.strerror}")

    def send() -> None:
        while data := os.read(0, _CHUNK):
            there.sendall(data)
        there.shutdown(socket.SHUT_WR)

    threading.Thread(target=_quietly, args=(send,), daemon=True).start()

    def receive() -> None:
        while data := there.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(1, view) :]

    _quietly(receive)


def _quietly(copy: object) -> None:
    try:
        copy()  # type: ignore[operator]
    except OSError:  # the other side is gone
        pass
