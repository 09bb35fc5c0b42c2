"""The guest's end of its stream."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

from intermodal.guest.channel import Channel


def test_two_threads_look_at_once_whether_there_is_data() -> None:
    """The monitor does while an event loop reads."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)

    def look(_: int) -> int:
        return sum(channel.has_data() for _ in range(20_000))

    with theirs, ours, ThreadPoolExecutor(2) as threads:
        assert list(threads.map(look, range(2))) == [0, 0]
        theirs.sendall(b"x")
        assert list(threads.map(look, range(2))) == [20_000, 20_000]
