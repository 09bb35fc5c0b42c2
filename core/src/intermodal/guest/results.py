"""Results on their way out: gathered while more fast inputs wait, sent at once otherwise."""

from __future__ import annotations

import pickle
import threading
import time
from collections import deque
from typing import Any

from intermodal.exception import SerializationError
from intermodal.guest.channel import Channel
from intermodal.wire import columns
from intermodal.wire.arena import Arena
from intermodal.wire.json_values import encode, is_json
from intermodal.wire.payload import Payload, dumps

__all__ = ["NOTHING", "Clock", "Results", "dumps_result"]

#: The payload of a result that has no value.
NOTHING = b"\x00" + pickle.dumps(None, 5)

#: Types whose pickle needs neither cloudpickle nor shared memory.
_ATOMS = frozenset((int, float, bool, complex))
#: Results in one frame.
_MOST = 256
#: Frames are at least this far apart (seconds) while more work waits.
_LINGER = 0.0015
#: Larger payloads (bytes) do not wait.
_LARGE = 1 << 14


def dumps_result(value: Any, label: str, arena: Arena | None, asked: Payload) -> Payload:
    """The payload of what `label` returned to an input, `asked`: JSON to what came as JSON. Raises `SerializationError`
    naming the type of the value."""
    if is_json(asked):
        return encode(value, label)
    if value is None:
        return NOTHING
    if value.__class__ in _ATOMS:
        return b"\x00" + pickle.dumps(value, 5)
    try:
        return dumps(value, arena)
    except SerializationError as error:
        raise SerializationError(f"{label} returned something that cannot be sent: {error}") from error.__cause__


class Clock:
    """Wall and cpu seconds during which at least one input was running."""

    def __init__(self) -> None:
        self._since = 0.0
        self._running = 0
        self._busy = 0.0
        self._cpu = time.process_time()
        self._gate = threading.Lock()

    def start(self) -> None:
        """An input (or a run of them) starts."""
        with self._gate:
            if not self._running:
                self._since = time.perf_counter()
            self._running += 1

    def stop(self) -> None:
        """It has ended."""
        with self._gate:
            self._running -= 1
            if not self._running:
                self._busy += time.perf_counter() - self._since

    @property
    def running(self) -> bool:
        return self._running > 0

    def take(self) -> tuple[float, float]:
        """Busy and cpu seconds since the last take."""
        with self._gate:
            cpu = time.process_time()
            busy, self._busy = self._busy, 0.0
            if self._running:
                now = time.perf_counter()
                busy += now - self._since
                self._since = now
            spent, self._cpu = cpu - self._cpu, cpu
            return busy, spent


class Results:
    """Unsent results, in the order they were made. Any thread may flush: one at a time, so the order stays."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self._channel = channel
        self._clock = clock
        self._gate = threading.Lock()
        self._flushed = 0.0
        #: attempt, status, payload
        self.unsent: deque[tuple[int, int, Payload]] = deque()
        #: goes up with every result
        self.made = 0

    def add(self, attempt: int, status: int, payload: Payload, more: object = None) -> None:
        """One result. Where `more` is true (further work waits) it may go out a little later, together with others."""
        unsent = self.unsent
        unsent.append((attempt, status, payload))
        self.made += 1
        if (
            not more
            or len(unsent) >= _MOST
            or time.perf_counter() - self._flushed > _LINGER
            or payload.__class__ is not bytes
            or len(payload) > _LARGE
        ):
            self.flush()

    def put(self, attempt: int, status: int, payload: Payload) -> None:
        """One result, for a `flush` that follows soon."""
        self.unsent.append((attempt, status, payload))
        self.made += 1

    def flush(self) -> None:
        """Send what is unsent. Raises `StreamEnded`."""
        with self._gate:
            unsent = self.unsent
            while unsent:
                count = min(len(unsent), _MOST)
                some = [unsent.popleft() for _ in range(count)] if count > 1 else (unsent.popleft(),)
                attempts, statuses, payloads = zip(*some, strict=False)
                busy, cpu = self._clock.take()
                header: dict[str, Any] = {"t": "results", "busy": round(busy, 7), "cpu": round(cpu, 7)}
                self._channel.send(header, columns.write(header, columns.RESULTS, (attempts, statuses)), payloads)
            self._flushed = time.perf_counter()
