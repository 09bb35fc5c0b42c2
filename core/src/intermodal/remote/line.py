"""The connection to a server, or one after another: frames in a WebSocket's messages, read by a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from intermodal.remote.connecting import Connection
from intermodal.remote.returning import Gone, returned
from intermodal.wire import neighbour
from intermodal.wire.frame import Buffer, pieces
from intermodal.wire.messages import PROTOCOL
from intermodal.wire.resumption import Claim, Received, Sent, acknowledgement, count_in

__all__ = ["Line", "Say", "asked"]

#: Seconds that hanging up waits for the thread that reads.
_CLOSING_S = 5.0

_log = logging.getLogger("intermodal.client")

#: Tells the user something.
Say = Callable[[str], None]


class Line:
    """Connects when it is made, and again when the connection breaks; `client` asks over it.

    Args:
        config: names the server and what opens it.
        handlers: what to do with frames that are not for `client`, by name.
        say: hears of connections that broke and are back.

    Raises:
        ConfigError: see `address`.
        ConnectionError: nobody answers there, or it takes no such client.
        VersionError: it speaks another version of the protocol.
    """

    def __init__(self, config: Config, handlers: Mapping[str, OnFrame] | None = None, say: Say = _log.warning) -> None:
        self._there = there = address(config)
        self._say = say
        self._connection = Connection(there)
        self._sent, self._received = Sent(), Received()
        self._moved = threading.Condition()  # guards what was sent
        self._sending = threading.Lock()  # held while messages are put in order and written
        self._done = threading.Event()
        self._away = False
        self._lost: Exception | None = None
        self._reason = ""  # the server's, for hanging up
        self._welcome: Completion[dict[str, Any]] = Completion()
        self._link = ReadLink(self._write, self._why)
        self.client = LinkedClient(self._link)
        mine = {"welcome": self._on_welcome, "refused": self._on_refused}
        self._handlers = {**self.client.handlers(), **mine, **(handlers or {})}
        self._thread = threading.Thread(target=self._read, name="intermodal-server-line", daemon=True)
        self._thread.start()
        hello = {"t": "hello", "protocol": PROTOCOL, "environment": config.environment, "url": there.url}
        self._link.send({**hello, "process": neighbour.own_name()})
        self._link.wait(self._welcome, nested=False)
        self.backend = str(self._welcome.result()["backend"])  #: of the server

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

    def _write(self, frame: Sequence[Buffer]) -> None:
        for piece in pieces(frame):
            with self._moved:
                self._moved.wait_for(lambda: self._sent.room or self._over)
            with self._sending:
                if self._over:
                    raise OSError("the line is closed")
                with self._moved:
                    self._sent.keep(piece)
                self._send(piece)

    def _send(self, message: bytes | str) -> None:
        """What is lost with the connection is sent again, or said again, over the next one."""
        try:
            self._connection.socket.send(message)
        except (ConnectionClosed, OSError):
            pass

    @property
    def _over(self) -> bool:
        return self._lost is not None or self._done.is_set()

    # ---- in ---------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            self._link.read(self._messages(), self._handlers)
        finally:
            self._lost = self._why()
            with self._moved:
                self._moved.notify_all()

    def _messages(self) -> Iterator[bytes]:
        going_on = True
        while going_on:
            try:
                for message in self._connection.socket:
                    if isinstance(message, str):
                        self._on_acknowledged(count_in(message))
                        continue
                    due = self._received.take(message)
                    yield message
                    if due:
                        self._send(acknowledgement(self._received.total))
            except (ConnectionClosed, OSError) as closed:
                received = getattr(closed, "rcvd", None)
                self._reason = received.reason if received is not None else ""
            going_on = self._returned()

    def _on_acknowledged(self, received: int) -> None:
        with self._moved:
            self._sent.acknowledge(received)
            self._moved.notify_all()

    def _on_welcome(self, header: dict[str, Any], _: list[bytes]) -> None:
        self._welcome.set(header)

    def _on_refused(self, header: dict[str, Any], _: list[bytes]) -> None:
        self._lost = named_error(str(header["error"]), str(header["message"]))
        self._welcome.fail(self._lost)

    # ---- breaks -----------------------------------------------------------------------------------------------------

    def _returned(self) -> bool:
        """Connect again where the connection broke; False: this is the end."""
        if self._over or not self._welcome.done:
            return False
        welcome = self._welcome.result()
        claim = Claim(str(welcome["stream"]), self._received.total)
        self._away = True
        self._connection.close()
        try:
            connection, received = returned(self._there, claim, float(welcome["lease_s"]), self._done, self._say)
        except Gone as gone:
            self._lost = gone.error
            return False
        with self._sending:
            self._connection = connection
            if self._done.is_set():  # `close` may have met the one before
                connection.close()
                return False
            with self._moved:
                self._sent.acknowledge(received)
                again = self._sent.kept
                self._moved.notify_all()
            for message in again:
                self._send(message)
        self._away = False
        return True

    def _why(self) -> Exception:
        why = f" ({self._reason})" if self._reason else ""
        return self._lost or ConnectionError(
            f"the connection to the server {self._there.url} has ended{why}: what ran there for this program ends with "
            "it"
        )


def asked(config: Config, method: str, params: dict[str, Any]) -> Any:
    """The answer to one request, over a connection of its own. Raises as `Line` does, and what the request raises."""
    line = Line(config)
    try:
        return line.ask(method, params)
    finally:
        line.close()
