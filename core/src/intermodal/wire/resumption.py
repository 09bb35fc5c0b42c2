"""A stream of messages that outlives its connections.

Each end counts the messages that it has received, keeps those that it has sent until the other end says that it has
them, and sends what is left again over the next connection. So what is received is what was sent: all of it, in order,
once. Who reads and writes connections is said elsewhere.

Messages are binary. Between them go texts, which are not counted: an acknowledgement, and, first on a connection that
takes up a stream, the claim to it and its answer.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from intermodal.wire.frame import FrameError

__all__ = [
    "UNKNOWN",
    "WINDOW",
    "Claim",
    "Received",
    "Sent",
    "acknowledgement",
    "answered",
    "claim_in",
    "claimed",
    "count_in",
]

#: Bytes that may be sent before the other end must have acknowledged some: no more than these are kept.
WINDOW = 8 << 20
#: What is received is acknowledged after so many bytes or messages: far less than a window.
_BYTES, _MESSAGES = WINDOW // 8, 256

#: The answer to a claim to a stream that is not known, or no longer.
UNKNOWN = '{"unknown":true}'


class Sent:
    """What this end has sent and the other may lack.

    Args:
        window: bytes that may be under way.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._kept: deque[bytes] = deque()
        self._bytes = 0
        self._acknowledged = 0

    @property
    def room(self) -> bool:
        """Whether another message should be sent now."""
        return self._bytes < self._window

    def keep(self, message: bytes) -> None:
        """One is about to be sent."""
        self._kept.append(message)
        self._bytes += len(message)

    def acknowledge(self, received: int) -> None:
        """The other end has received so many in all. Raises `FrameError`: it cannot have."""
        new = received - self._acknowledged
        if not 0 <= new <= len(self._kept):
            raise FrameError(
                f"{received} messages are said to have been received, of {self._acknowledged + len(self._kept)} that "
                f"were sent and {self._acknowledged} that were said to be before"
            )
        for _ in range(new):
            self._bytes -= len(self._kept.popleft())
        self._acknowledged = received

    @property
    def kept(self) -> Sequence[bytes]:
        """What to send first over a new connection, when it is known what the other end has received."""
        return tuple(self._kept)


class Received:
    """How many messages have come, and been told of."""

    def __init__(self) -> None:
        self.total = 0
        self._untold = 0
        self._bytes = 0

    def take(self, message: bytes) -> bool:
        """Another one has come; True: it is time to acknowledge."""
        self.total += 1
        self._untold += 1
        self._bytes += len(message)
        if self._untold < _MESSAGES and self._bytes < _BYTES:
            return False
        self._untold = self._bytes = 0
        return True


@dataclass(frozen=True)
class Claim:
    """To a stream that is this end's, of which it has received so many messages."""

    stream: str
    received: int


def acknowledgement(received: int) -> str:
    """So many have been received; the answer to a claim, too."""
    return json.dumps({"received": received})


def claimed(claim: Claim) -> str:
    """The text of a claim."""
    return json.dumps({"stream": claim.stream, "received": claim.received})


def count_in(text: str) -> int:
    """That of an acknowledgement. Raises `FrameError`."""
    count = _fields(text).get("received")
    if type(count) is not int:
        raise FrameError("a text that is no acknowledgement")
    return count


def claim_in(text: str) -> Claim:
    """That of a connection's first text. Raises `FrameError`."""
    stream = _fields(text).get("stream")
    if type(stream) is not str:
        raise FrameError("a text that claims no stream")
    return Claim(stream, count_in(text))


def answered(text: str) -> int | None:
    """How many the other end has received of the stream that was claimed; None: it does not know it. Raises
    `FrameError`."""
    return None if _fields(text).get("unknown") is True else count_in(text)


def _fields(text: str) -> dict[str, object]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a text that is not JSON: {error}") from None
    if type(fields) is not dict:
        raise FrameError("a text that is no JSON object")
    return fields
