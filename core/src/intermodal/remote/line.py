"""A connection to a server: frames in a WebSocket's messages, read by a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from intermodal.client.api import Reply
from intermodal.client.completion import Completion
from intermodal.client.errors import named_error
from intermodal.client.linked import LinkedClient
from intermodal.client.reading import OnFrame, ReadLink
from intermodal.exception import ConnectionError
from intermodal.plugins import Config
from intermodal.remote.address import Address, address, reaching, stranger
from intermodal.wire.frame import Buffer, pieces
from intermodal.wire.messages import PROTOCOL

__all__ = ["Line", "asked"]

_OPEN_S = 20


class Line:
    """Connects when it is made; `client` asks over it.

    Args:
        config: names the server and what opens it.
        handlers: what to do with frames that are not for `client`, by name.

    Raises:
        ConfigError: see `address`.
        ConnectionError: nobody answers there, or it takes no such client.
        VersionError: it speaks another version of the protocol.
    """

    def __init__(self, config: Config, handlers: Mapping[str, OnFrame] | None = None) -> None:
        there = address(config)
        self._url = there.url
        self._open = ExitStack()
        self._socket = _connected(self._open, there)
        self._refusal: Exception | None = None
        self._reason = ""  # the server's, for hanging up
        self._welcome: Completion[dict[str, Any]] = Completion()
        self._link = ReadLink(self._write, self._lost)
        self.client = LinkedClient(self._link)
        mine = {"welcome": self._on_welcome, "refused": self._on_refused}
        self._handlers = {**self.client.handlers(), **mine, **(handlers or {})}
        self._thread = threading.Thread(target=self._read, name="intermodal-server-line", daemon=True)
        self._thread.start()
        self._link.send({"t": "hello", "protocol": PROTOCOL, "environment": config.environment, "url": self._url})
        self._link.wait(self._welcome, nested=False)
        self.backend = str(self._welcome.result()["backend"])  #: of the server

    def ask(self, method: str, params: dict[str, Any], segments: Sequence[bytes] = ()) -> Any:
        """Wait for the value of a request. Raises what the server answers, `ConnectionError`."""
        completion: Completion[Reply] = self.client.request(method, params, segments)
        completion.wait()
        return completion.result().value

    @property
    def open(self) -> bool:
        """False when the server has hung up, or this end has."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Hang up. Idempotent."""
        self._open.close()
        self._thread.join()

    def _write(self, frame: Sequence[Buffer]) -> None:
        try:
            for piece in pieces(frame):
                self._socket.send(piece)
        except ConnectionClosed as error:
            raise OSError(str(error)) from None

    def _read(self) -> None:
        self._link.read(self._messages(), self._handlers)

    def _messages(self) -> Iterator[bytes]:
        try:
            for message in self._socket:
                if isinstance(message, bytes):
                    yield message
        except ConnectionClosed as closed:
            self._reason = closed.rcvd.reason if closed.rcvd is not None else ""

    def _on_welcome(self, header: dict[str, Any], _: list[bytes]) -> None:
        self._welcome.set(header)

    def _on_refused(self, header: dict[str, Any], _: list[bytes]) -> None:
        self._refusal = named_error(str(header["error"]), str(header["message"]))
        self._welcome.fail(self._refusal)

    def _lost(self) -> Exception:
        why = f" ({self._reason})" if self._reason else ""
        return self._refusal or ConnectionError(
            f"the connection to the server {self._url} has ended{why}: what ran there for this program ends with it"
        )


def asked(config: Config, method: str, params: dict[str, Any]) -> Any:
    """The answer to one request, over a connection of its own. Raises as `Line` does, and what the request raises."""
    line = Line(config)
    try:
        return line.ask(method, params)
    finally:
        line.close()


def _connected(opened: ExitStack, there: Address) -> ClientConnection:
    options: dict[str, Any] = {"compression": None, "max_size": None, "open_timeout": _OPEN_S, "proxy": None}
    with reaching(there, InvalidHandshake):
        try:
            connecting = connect(there.websocket, additional_headers=there.headers, ssl=there.tls, **options)
        except InvalidStatus as error:
            answer = error.response
            said = f"{answer.status_code} {answer.reason_phrase}"
            raise stranger(there, said, answer.headers.get("Server", "")) from None
    connection: ClientConnection = opened.enter_context(connecting)
    return connection
