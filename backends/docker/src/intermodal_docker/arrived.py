"""A container whose process 1 has come and waits for orders."""

from __future__ import annotations

import select
from collections import deque
from dataclasses import dataclass

from intermodal.plugins import OutputSink
from intermodal_docker.engine import Piece
from intermodal_docker.inside.line import Line

__all__ = ["Arrived", "Printed"]

#: Bytes of output that are kept for whoever listens later.
_KEPT = 1 << 16


class Printed:
    """What a container prints before its guest has a stream of its own: passed on, or kept until somebody listens."""

    def __init__(self) -> None:
        self._sink: OutputSink | None = None
        self._kept: deque[Piece] = deque()
        self._room = _KEPT

    def __call__(self, *piece: *Piece) -> None:
        """It printed. On the loop."""
        if self._sink is not None:
            self._sink(*piece)
        elif self._room > 0:
            self._room -= len(piece[1])
            self._kept.append(piece)

    def forget(self) -> None:
        """What is kept was of no account."""
        self._kept.clear()
        self._room = _KEPT

    def to(self, sink: OutputSink) -> None:
        """Somebody listens."""
        self._sink = sink
        while self._kept:
            sink(*self._kept.popleft())


@dataclass(frozen=True, slots=True)
class Arrived:
    """Who has it has to close `line`, or to give it away.

    Args:
        container: the engine's id for it.
        line: the connection of its process 1, which says nothing before it got an order.
    """

    container: str
    line: Line
    printed: Printed

    def lives(self) -> bool:
        """False where its connection has ended, or says what nobody asked for."""
        poll = select.poll()
        poll.register(self.line.fileno(), select.POLLIN)
        return not poll.poll(0)
