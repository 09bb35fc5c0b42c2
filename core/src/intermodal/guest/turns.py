"""Who reads the stream: whoever waits. No thread stands between the socket and the one that needs its bytes.

The first thread that waits becomes the *leader*: it reads and hands every frame to its handler. Others wait on a *seat*
until a leader completes what they wait for, or leaves and makes one of them the next leader. The monitor thread reads
only where data lies there and nobody does (`take_over`).
"""

from __future__ import annotations

import threading
import time
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from typing import Any

from intermodal.guest.channel import Channel, Handler, StreamEnded
from intermodal.wire.frame import FrameError

__all__ = ["Seat", "Turns"]


class Seat:
    """Where one thread waits. A nudge is kept until the thread looks."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def nudge(self) -> None:
        """Make the thread look around."""
        try:
            self._lock.release()
        except RuntimeError:  # a nudge is waiting there already
            pass

    def wait(self, timeout: float | None) -> bool:
        """False after `timeout` seconds without a nudge."""
        return self._lock.acquire(timeout=-1 if timeout is None else min(max(timeout, 0.0), threading.TIMEOUT_MAX))


class Turns:
    """Leader and followers over one channel. `on_end` is called, by the reading thread, when the stream has ended."""

    def __init__(self, channel: Channel, on_end: Callable[[str], None]) -> None:
        self._channel = channel
        self._on_end = on_end
        self._handlers: dict[str, Handler] = {}
        self._lead = allocate_lock()
        self._leading: Seat | None = None
        self._leader_thread = 0
        self._followers: deque[Seat] = deque()
        #: the thread that alone may lead, where an event loop watches the stream
        self.resident: int | None = None

    def handle(self, handlers: dict[str, Handler]) -> None:
        """Add what to do with frames, by message name. Unknown ones are left alone: a newer host may send them."""
        self._handlers.update(handlers)

    def wait(self, ready: Callable[[], Any], seat: Seat, timeout: float | None = None) -> bool:
        """Block until `ready()`; False after `timeout` seconds. Whoever makes it ready calls `nudge(seat)`."""
        if ready():
            return True
        end = None if timeout is None else time.monotonic() + timeout
        self._followers.append(seat)
        try:
            while not ready():
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                if self.resident in (None, threading.get_ident()) and self._lead.acquire(False):
                    self._read_until(ready, seat, end)
                else:
                    seat.wait(left)
            return True
        finally:
            self._followers.remove(seat)
            self._hand_on()

    def _read_until(self, ready: Callable[[], Any], seat: Seat, end: float | None) -> None:
        self._leading = seat
        self._leader_thread = threading.get_ident()
        try:
            while not ready():
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return
                self._dispatch(left)
        finally:
            self._leading = None
            self._lead.release()

    def nudge(self, seat: Seat) -> None:
        """What the thread on `seat` waits for may have come."""
        seat.nudge()
        if self._leading is seat and self._leader_thread != threading.get_ident():
            self._channel.wake()

    def take_over(self) -> bool:
        """Read what is there now without waiting; False where another thread is the leader."""
        if not self._lead.acquire(False):
            return False
        try:
            while self._channel.has_data():
                self._dispatch(0)
        finally:
            self._lead.release()
            self._hand_on()
        return True

    def read_once(self) -> None:
        """Data is there, says the event loop that watches the stream: it says so again where more is left."""
        if self._lead.acquire(False):
            try:
                self._dispatch(0)
            finally:
                self._lead.release()
                self._hand_on()

    def _hand_on(self) -> None:
        try:
            self._followers[0].nudge()
        except IndexError:
            pass

    def _dispatch(self, timeout: float | None) -> None:
        try:
            for header, segments in self._channel.receive(timeout):
                handler = self._handlers.get(header["t"])
                if handler is not None:
                    handler(header, segments)
        except (StreamEnded, FrameError) as error:
            self._on_end(str(error))
            raise
