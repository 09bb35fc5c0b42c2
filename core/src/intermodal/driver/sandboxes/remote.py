"""The client of sandboxes that another process of this user runs, on this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from intermodal.client.linked import LinkedClient
from intermodal.client.reading import ReadLink
from intermodal.driver.sandboxes.door import connect
from intermodal.driver.sandboxes.place import living, session_of
from intermodal.exception import ConnectionError, NotFoundError
from intermodal.plugins import Config
from intermodal.wire.frame import FrameError, encode

__all__ = ["client_of", "clients"]

_CHUNK = 1 << 16
_gate = threading.Lock()
_known: dict[Path, LinkedClient] = {}


def client_of(sandbox: str) -> LinkedClient:
    """A client of the session that `sandbox` belongs to. Raises `NotFoundError`."""
    folder = session_of(Config.load().data_dir, sandbox)
    client = None if folder is None else _client(folder)
    if client is None:
        raise NotFoundError(
            f"there is no sandbox {sandbox!r} on this machine: it lasts no longer than the run that made it, and is "
            "looked for in the data directory (INTERMODAL_DATA_DIR); `intermodal sandbox ls` lists what there is. That "
            "of an app at a server is found where the server runs, in its data directory"
        )
    return client


def clients() -> Iterator[LinkedClient]:
    """One for each session of this user and data directory that has made sandboxes and goes on."""
    for folder in living(Config.load().data_dir):
        client = _client(folder)
        if client is not None:
            yield client


def _client(folder: Path) -> LinkedClient | None:
    with _gate:
        if folder not in _known:
            try:
                sock = connect(folder)
            except OSError:
                return None
            _known[folder] = _begin(folder, sock)
        return _known[folder]


def _begin(folder: Path, sock: socket.socket) -> LinkedClient:
    link = ReadLink(lambda *frame: sock.sendall(b"".join(encode(*frame))), _lost)
    client = LinkedClient(link)

    def read() -> None:
        with sock, contextlib.suppress(OSError, FrameError):
            link.read(iter(lambda: sock.recv(_CHUNK), b""), {"reply": client.handlers()["reply"]})
        with _gate:
            _known.pop(folder, None)

    threading.Thread(target=read, daemon=True, name="intermodal-sandboxes").start()
    return client


def _lost() -> ConnectionError:
    return ConnectionError("the run that this sandbox belongs to has ended")
