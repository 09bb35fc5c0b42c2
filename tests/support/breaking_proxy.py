"""A TCP proxy whose connections break as often as a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

__all__ = ["Break", "Proxy", "breaking"]


@dataclass(frozen=True)
class Break:
    """What becomes of one connection when `after` bytes have been carried, both ways together.

    how: "cut": both sides are closed; "half": who has sent the last bytes is told the end, and then the other; "lose":
    what comes next is swallowed for a moment before it is cut; "never": it lasts; "refuse": it is closed at once.
    """

    how: Literal["cut", "half", "lose", "never", "refuse"]
    after: int = 0


class Proxy:
    """Carries what comes to `port` of the loopback address; its connections break as `breaks` says, one after another,
    and those that come later last."""

    def __init__(self, target: int, breaks: Sequence[Break]) -> None:
        self._target = target
        self._breaks = iter(breaks)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._carried: list[_Carried] = []
        self._changed = threading.Condition()
        self.refusing = False
        self.connections = 0  #: that there have been
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                incoming, _ = self._listener.accept()
            except OSError:
                return
            each = Break("refuse") if self.refusing else next(self._breaks, Break("never"))
            with self._changed:
                self.connections += 1
                self._changed.notify_all()
            try:
                outgoing = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                each, outgoing = Break("refuse"), socket.socket()
            carried = _Carried(incoming, outgoing, each)
            self._carried.append(carried)
            carried.start()

    def cut(self) -> None:
        """Close what is open."""
        for each in self._carried:
            each.cut()

    def wait_for(self, connections: int) -> None:
        """Until there have been so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.connections >= connections, timeout=60)

    def close(self) -> None:
        """The end."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()


class _Carried:
    def __init__(self, incoming: socket.socket, outgoing: socket.socket, end: Break) -> None:
        self._sides = (incoming, outgoing)
        self._end = end
        self._gate = threading.Lock()
        self._bytes = 0
        self._losing = False

    def start(self) -> None:
        if self._end.how == "refuse":
            self.cut()
            return
        for pair in (self._sides, self._sides[::-1]):
            threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(64 << 10):
                with self._gate:
                    left = self._end.after - self._bytes
                    self._bytes += len(data)
                if self._losing:
                    continue
                if self._end.how == "never" or len(data) <= left:
                    sink.sendall(data)
                else:
                    sink.sendall(data[: max(left, 0)])
                    self._break(sink)
        self.cut()

    def _break(self, sink: socket.socket) -> None:
        if self._end.how == "lose":
            self._losing = True
            threading.Timer(0.1, self.cut).start()
        elif self._end.how == "half":
            sink.shutdown(socket.SHUT_WR)
            threading.Timer(0.1, self.cut).start()
            self._losing = True
        else:
            self.cut()

    def cut(self) -> None:
        for side in self._sides:
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()


@contextmanager
def breaking(target: int, breaks: Sequence[Break] = ()) -> Iterator[Proxy]:
    """A proxy before the port `target` of this machine."""
    proxy = Proxy(target, breaks)
    try:
        yield proxy
    finally:
        proxy.close()
