"""The way to an engine of this machine: its socket, by the standard library alone. To import the engines' own packages
takes longer than most of what an engine is asked."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from intermodal_docker.engine import EngineUnavailable
from intermodal_docker.engines.advice import why_unavailable

__all__ = ["LocalWire"]


class LocalWire:
    """Implements `Wire`, with a connection for each request.

    Args:
        engine: "docker" or "podman".
        address: "unix:///path".
        prefix: of all targets, as the version of the interface: "/v5.0.0/libpod".
    """

    def __init__(self, engine: str, address: str, prefix: str = "") -> None:
        self._engine, self._address, self._prefix = engine, address, prefix

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
        timeout: float | None,
    ) -> _Answer:
        """See `Wire`."""
        connection = _Connection(self._address.partition("://")[2], timeout)
        try:
            with self._told():
                # Whoever is refused may be told so before all of the body was taken.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, f"{self._prefix}{target}", body, headers)
                return _Answer(self, connection, connection.getresponse())
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """See `Wire`."""

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, HTTPException) as error:
            raise EngineUnavailable(why_unavailable(self._engine, self._address, error)) from None


class _Answer:
    """Implements `Answer`."""

    def __init__(self, wire: LocalWire, connection: _Connection, response: HTTPResponse) -> None:
        self._wire, self._connection, self._response = wire, connection, response
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers  # type: ignore[assignment]

    def read(self, size: int = -1) -> bytes:
        """See `Answer`."""
        with self._wire._told():
            return self._response.read(None if size < 0 else size)

    def pieces(self, size: int) -> Iterator[bytes]:
        """See `Answer`."""
        while True:
            with self._wire._told():
                piece = self._response.read1(size)
            if not piece:
                return
            yield piece

    def stream(self) -> Any:
        """See `Answer`."""
        return self._response.fp

    def close(self) -> None:
        """See `Answer`."""
        self._response.close()
        self._connection.close()


class _Connection(HTTPConnection):
    """To a socket's path."""

    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """As of `HTTPConnection`."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)  # with a timeout, a full queue would be an error
        self.sock.settimeout(self.timeout)
