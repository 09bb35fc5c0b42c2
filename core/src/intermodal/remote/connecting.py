"""A WebSocket to a server, and a stream taken up over a new one."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from intermodal.client.errors import named_error
from intermodal.exception import ConnectionError
from intermodal.remote.address import Address, reaching, stranger
from intermodal.wire.frame import FrameError, FrameReader
from intermodal.wire.resumption import Claim, answered, claimed

__all__ = ["Connection", "Refused", "take_up"]

_OPEN_S = 20


class Refused(Exception):
    """The server takes no such client."""

    def __init__(self, header: dict[str, Any]) -> None:
        self.why = named_error(str(header["error"]), str(header["message"]))
        super().__init__(str(self.why))


class Connection:
    """Opened when it is made. Raises `ConnectionError`."""

    def __init__(self, there: Address) -> None:
        self._opened = ExitStack()
        options: dict[str, Any] = {"compression": None, "max_size": None, "open_timeout": _OPEN_S, "proxy": None}
        with reaching(there, WebSocketException):
            try:
                connecting = connect(there.websocket, additional_headers=there.headers, ssl=there.tls, **options)
            except InvalidStatus as error:
                answer = error.response
                said = f"{answer.status_code} {answer.reason_phrase}"
                raise stranger(there, said, answer.headers.get("Server", "")) from None
        self.socket: ClientConnection = self._opened.enter_context(connecting)

    def close(self) -> None:
        """Hang up: this end is done. Idempotent."""
        self._opened.close()


def take_up(there: Address, claim: Claim) -> tuple[Connection, int | None]:
    """A new connection, and how many messages of the stream the server has received; None: it does not know it.

    Raises `ConnectionError`: try again later; `Refused`.
    """
    connection = Connection(there)
    try:
        with suppress(ConnectionClosed):  # it may have been refused already, and reading says why
            connection.socket.send(claimed(claim))
        answer = connection.socket.recv(timeout=_OPEN_S)
        if isinstance(answer, str):
            return connection, answered(answer)
        refused = [header for header, _ in FrameReader().feed(answer) if header["t"] == "refused"]
        raise Refused(refused[0])
    except (ConnectionClosed, OSError, FrameError, LookupError) as error:
        connection.close()
        raise ConnectionError(f"the server at {there.url} does not take up a connection: {error}") from None
    except BaseException:
        connection.close()
        raise
