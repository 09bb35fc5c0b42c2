"""The beginning of a stream to a server: hello, and what is asked before anything else goes over it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed

from intermodal.client.errors import named_error
from intermodal.client.reading import OnFrame
from intermodal.exception import ConnectionError
from intermodal.remote.connecting import Connection, Refused
from intermodal.wire.frame import Buffer, FrameError, FrameReader, encode, pieces
from intermodal.wire.resumption import Received, Sent, acknowledgement, count_in

__all__ = ["Conversation"]


class Conversation:
    """One question after another, on the thread that asks. Who goes on with the stream takes `sent`, `received` and
    `reader` over.

    Args:
        hello: the first frame.
        handlers: what to do with frames that answer nothing, by name.

    Raises `ConnectionError`: the connection broke; `Refused`.
    """

    def __init__(self, connection: Connection, hello: dict[str, Any], handlers: Mapping[str, OnFrame]) -> None:
        self._connection = connection
        self._handlers = handlers
        self._numbers = itertools.count(1)
        self.sent, self.received, self.reader = Sent(), Received(), FrameReader()
        self._frames = self._read()
        self.say(hello)
        self.welcome = self._until("welcome")  #: the server's answer

    def say(self, header: dict[str, Any], segments: Sequence[Buffer] = ()) -> None:
        """Send a frame. Where the connection has ended, reading says why."""
        for piece in pieces(encode(header, segments)):
            self.sent.keep(piece)
            with suppress(ConnectionClosed, OSError):
                self._connection.socket.send(piece)

    def ask(self, method: str, params: dict[str, Any], segments: Sequence[bytes] = ()) -> Any:
        """The value that answers a request. Raises as above, and what the server answers."""
        number = f"first-{next(self._numbers)}"
        self.say({"t": "request", "id": number, "method": method, "params": params}, segments)
        while True:
            reply = self._until("reply")
            if reply["id"] == number:
                break
        if reply["ok"]:
            return reply.get("value")
        raise named_error(str(reply.get("error")), str(reply.get("message")))

    def _until(self, kind: str) -> dict[str, Any]:
        for header, segments in self._frames:
            if header["t"] == kind:
                return header
            if header["t"] == "refused":
                raise Refused(header)
            if header["t"] in self._handlers:
                self._handlers[header["t"]](header, segments)
        raise ConnectionError("the connection broke")

    def _read(self) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        try:
            for message in self._connection.socket:
                if isinstance(message, str):
                    self.sent.acknowledge(count_in(message))
                    continue
                if self.received.take(message):
                    self._connection.socket.send(acknowledgement(self.received.total))
                yield from self.reader.feed(message)
        except (ConnectionClosed, OSError, FrameError) as error:
            raise ConnectionError(f"the connection broke: {error}") from None
