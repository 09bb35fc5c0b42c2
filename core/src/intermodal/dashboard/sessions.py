"""Who has logged in: a session for each browser, as long as its token is good."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["LASTS_S", "Attempts", "Session", "Sessions"]

#: Seconds that a session lasts.
LASTS_S = 7 * 86_400
#: Sessions at once; the oldest end where more begin.
_SESSIONS = 10_000
#: Failed attempts of one address within so many seconds; addresses that are remembered.
_FAILURES, _WINDOW_S, _ADDRESSES = 10, 60.0, 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has shown a token, of which the digest is kept. `key` is what its forms and scripts must know."""

    digest: str
    key: str
    until: float


class Sessions:
    """By ids that only their browsers know. On one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self, digest: str) -> str:
        """A new session; its id."""
        id = secrets.token_urlsafe(32)
        self._sessions[id] = Session(digest, secrets.token_urlsafe(32), self._clock() + LASTS_S)
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)
        return id

    def get(self, id: str) -> Session | None:
        """None: there is none (any more)."""
        session = self._sessions.get(id)
        if session is not None and session.until <= self._clock():
            self.end(id)
            return None
        return session

    def end(self, id: str) -> None:
        """It opens nothing from now on."""
        self._sessions.pop(id, None)


class Attempts:
    """Failed log-ins by address. On one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again; 0: now."""
        failed = self._failed.get(address)
        if failed is None or len(failed) < _FAILURES:
            return 0.0
        return max(0.0, failed[0] + _WINDOW_S - self._clock())

    def failed(self, address: str) -> None:
        """It has tried in vain."""
        self._failed.setdefault(address, deque(maxlen=_FAILURES)).append(self._clock())
        self._failed.move_to_end(address)
        if len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)
