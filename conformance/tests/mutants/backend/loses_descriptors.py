"""The guest's stream goes through a pump that loses file descriptors, which the backend claims to pass."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator

from intermodal.plugins import Container, Launcher, hookimpl
from mutants.around import AroundContainer, AroundContainers


class FaultyContainer(AroundContainer):
    def __init__(self, inner: Container) -> None:
        super().__init__(inner)
        self._stream, pumped = socket.socketpair()
        self._stream.setblocking(False)
        guest = socket.socket(fileno=inner.stream.detach())
        guest.setblocking(True)
        for source, sink in ((guest, pumped), (pumped, guest)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    @property
    def stream(self) -> socket.socket:
        return self._stream


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return AroundContainers((yield), FaultyContainer)
