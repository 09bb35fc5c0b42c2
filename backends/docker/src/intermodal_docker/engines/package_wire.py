"""The way to an engine elsewhere: what its own package makes of an address, through a tunnel where that is ssh's."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from intermodal_docker.engine import EngineUnavailable
from intermodal_docker.engines.advice import why_unavailable
from intermodal_docker.engines.place import Place
from intermodal_docker.engines.tunnel import Tunnel

if TYPE_CHECKING:
    import requests

__all__ = ["PackageWire", "Sender"]


class Sender(Protocol):
    """A client of an engine's package, made for one address."""

    def send(self, method: str, target: str, **more: Any) -> requests.Response:
        """`more` is as of `requests.request`."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class PackageWire:
    """Implements `Wire`. Connects when first asked.

    Args:
        engine: "docker" or "podman".
        socket: the path of an engine's socket on another machine, where the address names none.
        make: a client for an address.
        failures: what the package raises, beside errors of requests.
    """

    def __init__(
        self,
        engine: str,
        place: Place,
        socket: str,
        make: Callable[[str], Sender],
        failures: tuple[type[Exception], ...],
    ) -> None:
        self._engine, self._place, self._socket, self._make = engine, place, socket, make
        self._failures = failures
        self._gate = threading.Lock()
        self._sender: Sender | None = None
        self._tunnel: Tunnel | None = None

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
        timeout: float | None,
    ) -> _Answer:
        """See `Wire`."""
        given = {"Accept-Encoding": "identity", **headers}
        with self._told():
            found = self._connected().send(method, target, data=body, headers=given, timeout=timeout, stream=True)
        return _Answer(self, found)

    def close(self) -> None:
        """See `Wire`."""
        with self._gate:
            self._drop()

    def _connected(self) -> Sender:
        with self._gate:
            if self._tunnel is not None and not self._tunnel.lasts:
                self._drop()
            if self._sender is None:
                if self._place.failure:
                    raise EngineUnavailable(self._place.failure)
                self._sender = self._make(self._way())
            return self._sender

    def _drop(self) -> None:
        sender, self._sender = self._sender, None
        tunnel, self._tunnel = self._tunnel, None
        if sender is not None:
            sender.close()
        if tunnel is not None:
            tunnel.close()

    def _way(self) -> str:
        address = self._place.address
        if not address.startswith("ssh://"):
            return address
        if self._tunnel is not None:  # there was a way, and no engine at its end
            self._tunnel.close()
        self._tunnel = Tunnel(self._engine, address, self._socket, self._place.identity)
        return self._tunnel.open()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        import requests
        from urllib3.exceptions import HTTPError

        failures: tuple[type[Exception], ...] = (*self._failures, requests.RequestException, HTTPError, OSError)
        try:
            yield
        except failures as error:
            raise EngineUnavailable(why_unavailable(self._engine, self._place.address, error)) from None


class _Answer:
    """Implements `Answer`."""

    def __init__(self, wire: PackageWire, response: requests.Response) -> None:
        self._wire, self._response = wire, response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def read(self, size: int = -1) -> bytes:
        """See `Answer`."""
        with self._wire._told():
            if size < 0:
                return bytes(self._response.content)
            return bytes(self._response.raw.read(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """See `Answer`."""
        with self._wire._told():
            yield from self._response.iter_content(size)

    def stream(self) -> Any:
        """See `Answer`."""
        return self._response.raw._fp.fp

    def close(self) -> None:
        """See `Answer`."""
        self._response.close()
