"""What the client room needs of the guest's connection: sending, and waiting the way user code must."""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any

from intermodal.client.completion import Completion
from intermodal.guest.session import Session
from intermodal.guest.turns import Seat
from intermodal.wire.arena import Arena
from intermodal.wire.frame import Buffer
from intermodal.wire.payload import Payload

__all__ = ["Link"]

#: A nested call may take this long (seconds) before the host hears that its caller waits.
_AT_ONCE = 0.001


class Link:
    """Implements `intermodal.client.linked.Link`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waits: dict[int, int] = {}
        self._gate = Lock()

    @property
    def arena(self) -> Arena | None:
        return self._session.channel.arena

    def attempt(self) -> int:
        """The attempt that the calling code works for; 0 for none."""
        return self._session.running.attempt()

    def send(self, header: dict[str, Any], columns: Sequence[Buffer] = (), payloads: Iterable[Payload] = ()) -> None:
        """Send a frame from user code: a cancellation waits until it is out."""
        with self._session.interruption:
            self._session.channel.send(header, columns, payloads)

    def payload(self, segment: bytes) -> Payload:
        """A received payload segment, ready for `loads`."""
        return self._session.channel.payload(segment)

    def payloads(self, segments: list[bytes]) -> Sequence[Payload]:
        """The same for several."""
        return self._session.channel.payloads(segments)

    def wait(self, completion: Completion[Any], nested: bool) -> None:
        """Block this thread until `completion` is done. Raises the builtin `TimeoutError` after its `timeout`.

        `nested`: it waits for another call, so that the host may use this container's slot meanwhile (call.nested).
        """
        session, seat = self._session, Seat()
        completion.on_done(lambda: session.turns.nudge(seat))
        end = None if completion.timeout is None else time.monotonic() + completion.timeout

        def left(most: float | None = None) -> float | None:
            if end is None:
                return most
            remaining = max(0.0, end - time.monotonic())
            return remaining if most is None else min(remaining, most)

        with session.interruption:
            if session.results.unsent:
                session.results.flush()
            session.channel.flush_releases()
        if not nested:
            done = session.block(lambda: completion.done, seat, left())
        elif session.block(lambda: completion.done, seat, left(_AT_ONCE)):
            return
        else:
            attempt = self._begin()
            try:
                done = session.block(lambda: completion.done, seat, left())
            finally:
                self._end(attempt)
        if not done:
            raise builtins.TimeoutError

    async def wait_async(self, completion: Completion[Any], nested: bool) -> None:
        """The same on the caller's event loop."""
        if not nested:
            await Completion.wait_async(completion)
            return
        attempt = self._begin()
        try:
            await Completion.wait_async(completion)
        finally:
            self._end(attempt)

    def _begin(self) -> int:
        """This attempt waits on a nested call. Several of its threads or tasks may; the first says so."""
        attempt = self.attempt()
        if attempt:
            with self._session.interruption, self._gate:
                count = self._waits.get(attempt, 0)
                self._waits[attempt] = count + 1
                if not count:
                    self._session.channel.send({"t": "waiting", "attempt": attempt, "on": True})
        return attempt

    def _end(self, attempt: int) -> None:
        if attempt:
            with self._session.interruption, self._gate:
                count = self._waits[attempt] - 1
                if count:
                    self._waits[attempt] = count
                else:
                    del self._waits[attempt]
                    self._session.channel.send({"t": "waiting", "attempt": attempt, "on": False})
