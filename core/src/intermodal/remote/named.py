"""Named objects of a server where no app of this process runs."""

from __future__ import annotations

import atexit
import os
import threading

from intermodal.client.api import Client
from intermodal.plugins import Config
from intermodal.remote.line import Line
from intermodal.remote.secrets import RemoteSecrets

__all__ = ["secrets", "standing"]

_lock = threading.Lock()
_lines: list[Line] = []


def standing(config: Config) -> Client:
    """A client of the server, over one connection as long as that lasts. Raises as `Line`."""
    return _line(config).client


def secrets(config: Config) -> RemoteSecrets:
    """The server's named secrets, over the same connection. Raises as `Line`."""
    return RemoteSecrets(_line(config).ask)


def _line(config: Config) -> Line:
    with _lock:
        if not _lines or not _lines[-1].open:
            _lines[:] = [Line(config)]
        return _lines[-1]


def close() -> None:
    """Hang up. Done for every process at its end."""
    with _lock:
        while _lines:
            _lines.pop().close()


def _forget() -> None:
    """After a fork: the connection is the parent's."""
    global _lock
    _lock = threading.Lock()
    _lines.clear()


atexit.register(close)
os.register_at_fork(after_in_child=_forget)
