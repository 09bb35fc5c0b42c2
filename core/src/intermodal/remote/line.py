"""The connection to a server, or one after another: frames in a WebSocket's messages, read by a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed

from intermodal.client.api import Reply
from intermodal.client.completion import Completion
from intermodal.client.errors import named_error
from intermodal.client.linked import LinkedClient
from intermodal.client.reading import OnFrame, ReadLink
from intermodal.exception import ConnectionError
from intermodal.plugins import Config
from intermodal.remote.address import address
from intermodal.remote.connecting import Connection, Refused, take_up
from intermodal.remote.conversing import Conversation
from intermodal.remote.ledger import Frame, Ledger
from intermodal.remote.returning import Gone, returned
from intermodal.remote.sending import Ask
from intermodal.wire import neighbour
from intermodal.wire.frame import Buffer, encode, pieces
from intermodal.wire.messages import PROTOCOL
from intermodal.wire.resumption import Claim, acknowledgement, count_in

__all__ = ["Line", "Say", "asked"]

#: Seconds that hanging up waits for the thread that reads.
_CLOSING_S = 5.0

_log = logging.getLogger("intermodal.client")

#: Tells the user something.
Say = Callable[[str], None]
#: Asks what must be asked first.
Begin = Callable[[Ask], object]


class Line:
    """Connects when it is made, and again when the connection breaks; `client` asks over it.

    Args:
        config: names the server and what opens it.
        handlers: what to do with frames that are not for `client`, by name.
        say: hears of connections that broke and are back.

    Attributes:
        begin: asks a server that was started anew for what must be there before calls are made again.
        keeps_calls: calls that nobody waits for any more are not cancelled.

    Raises:
        ConfigError: see `address`.
        ConnectionError: nobody answers there, or it takes no such client.
        VersionError: it speaks another version of the protocol.
    """

    def __init__(self, config: Config, handlers: Mapping[str, OnFrame] | None = None, say: Say = _log.warning) -> None:
        self._there = there = address(config)
        self._say = say
        self._others = dict(handlers or {})
        self._hello = {"t": "hello", "protocol": PROTOCOL, "environment": config.environment, "url": there.url}
        self._moved = threading.Condition()  # guards what was sent, and the ledger
        self._sending = threading.Lock()  # held while messages are put in order and written
        self._done = threading.Event()
        self._away = False
        self._lost: Exception | None = None
        self._reason = ""  # the server's, for hanging up
        self._servers = 0  #: that this was begun at
        self._missed: list[Frame] = []  # what a server that is gone would have sent
        self._link = ReadLink(self._write, self._why)
        self.begin: Begin = lambda ask: None
        self.keeps_calls = False
        self.client = LinkedClient(self._link)
        self._ledger = Ledger()
        self._connection = Connection(there)
        try:
            self._go_on_from(self._conversation(self._connection))
        except Refused as refused:
            self._connection.close()
            raise refused.why from None
        except BaseException:
            self._connection.close()
            raise
        self._handlers = {**self.client.handlers(), "refused": self._on_refused, **self._others}
        self._thread = threading.Thread(target=self._read, name="intermodal-server-line", daemon=True)
        self._thread.start()

    def _conversation(self, connection: Connection) -> Conversation:
        return Conversation(connection, {**self._hello, "process": neighbour.own_name()}, self._others)

    def _go_on_from(self, begun: Conversation) -> None:
        self._servers += 1
        self._sent, self._received, self._reader = begun.sent, begun.received, begun.reader
        self._stream, self._lease_s = str(begun.welcome["stream"]), float(begun.welcome["lease_s"])
        self.backend = str(begun.welcome["backend"])  #: of the server

    def ask(self, method: str, params: dict[str, Any], segments: Sequence[bytes] = ()) -> Any:
        """Wait for the value of a request. Raises what the server answers, `ConnectionError`."""
        completion: Completion[Reply] = self.client.request(method, params, segments)
        completion.wait()
        return completion.result().value

    @property
    def open(self) -> bool:
        """False when the server has hung up, or this end has. True while the connection is to be had again."""
        return self._thread.is_alive()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now, as far as is known."""
        return self.open and not self._away

    def close(self) -> None:
        """Hang up. Idempotent."""
        self._done.set()
        with self._moved:
            self._moved.notify_all()
        self._connection.close()
        self._thread.join(_CLOSING_S)  # it may be trying to connect

    # ---- out --------------------------------------------------------------------------------------------------------

    def _write(self, header: dict[str, Any], segments: Sequence[Buffer]) -> None:
        if self.keeps_calls and header["t"] == "cancelcall":
            return
        server = 0
        for piece in pieces(encode(header, segments)):
            with self._moved:
                self._moved.wait_for(lambda: self._sent.room or self._over)
            with self._sending:
                if self._over:
                    raise OSError("the line is closed")
                with self._moved:
                    if not server:
                        server = self._servers
                        self._ledger.sent(header, segments, away=self._away)
                    elif server != self._servers:
                        return  # the rest of a frame that was sent anew, as a whole
                    self._sent.keep(piece)
                self._send(piece)

    def _send(self, message: bytes | str) -> None:
        """What is lost with the connection is sent again, or said again, over the next one."""
        with suppress(ConnectionClosed, OSError):
            self._connection.socket.send(message)

    @property
    def _over(self) -> bool:
        return self._lost is not None or self._done.is_set()

    # ---- in ---------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            self._link.take(self._frames(), self._handlers)
        finally:
            self._lost = self._why()
            with self._moved:
                self._moved.notify_all()

    def _frames(self) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        going_on = True
        while going_on:
            try:
                for message in self._connection.socket:
                    if isinstance(message, str):
                        self._on_acknowledged(count_in(message))
                        continue
                    due = self._received.take(message)
                    for header, segments in self._reader.feed(message):
                        with self._moved:
                            frame = self._ledger.come(header, segments)
                        if frame is not None:
                            yield _bytes(frame)
                    if due:
                        self._send(acknowledgement(self._received.total))
            except (ConnectionClosed, OSError) as closed:
                received = getattr(closed, "rcvd", None)
                self._reason = received.reason if received is not None else ""
            going_on = self._returned()
            missed, self._missed = self._missed, []
            yield from map(_bytes, missed)

    def _on_acknowledged(self, received: int) -> None:
        with self._moved:
            self._sent.acknowledge(received)
            self._moved.notify_all()

    def _on_refused(self, header: dict[str, Any], _: list[bytes]) -> None:
        self._lost = named_error(str(header["error"]), str(header["message"]))

    # ---- breaks -----------------------------------------------------------------------------------------------------

    def _returned(self) -> bool:
        """Connect again where the connection broke; False: this is the end."""
        if self._over:
            return False
        self._away = True
        self._connection.close()
        try:
            returned(self._there.url, self._take_up, self._lease_s, self._done, self._say)
        except Gone as gone:
            self._lost = gone.why
        if self._done.is_set():  # `close` may have met the connection before
            self._connection.close()
        return not self._over

    def _take_up(self) -> None:
        """Go on over a new connection. Raises `ConnectionError`, and what keeps this from ever coming about."""
        connection, received = take_up(self._there, Claim(self._stream, self._received.total))
        if received is None:
            connection.close()
            self._begin_anew()
            return
        with self._sending:
            with self._moved:
                self._sent.acknowledge(received)
                again = self._sent.kept
                self._moved.notify_all()
            self._connection = connection
            for message in again:
                self._send(message)
            self._back()

    def _back(self) -> None:
        with self._moved:
            self._ledger.back()
        self._away = False

    def _begin_anew(self) -> None:
        """At a server that knows nothing of this: one that was started since."""
        server = f"the server at {self._there.url}"
        connection = Connection(self._there)
        try:
            begun = self._conversation(connection)
            self.begin(begun.ask)
            with self._sending:
                with self._moved:
                    anew = self._ledger.anew(server)
                self._missed += anew.come
                for frame in anew.out:
                    begun.say(*frame)
                with self._moved:
                    self._connection = connection
                    self._go_on_from(begun)
                    self._moved.notify_all()
                self._back()
        except BaseException:
            connection.close()
            raise
        self._say(f"{server} was started anew: calls that have no results yet are made again")

    def _why(self) -> Exception:
        why = f" ({self._reason})" if self._reason else ""
        return self._lost or ConnectionError(
            f"the connection to the server {self._there.url} has ended{why}: what ran there for this program ends with "
            "it"
        )


def _bytes(frame: Frame) -> tuple[dict[str, Any], list[bytes]]:
    header, segments = frame
    return header, [bytes(segment) for segment in segments]


def asked(config: Config, method: str, params: dict[str, Any]) -> Any:
    """The answer to one request, over a connection of its own. Raises as `Line` does, and what the request raises."""
    line = Line(config)
    try:
        return line.ask(method, params)
    finally:
        line.close()
