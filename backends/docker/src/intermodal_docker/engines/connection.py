"""The connection to an engine, made when somebody first wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from intermodal_docker.engine import EngineUnavailable
from intermodal_docker.engines.advice import check_socket
from intermodal_docker.engines.place import Place
from intermodal_docker.engines.tunnel import Tunnel

__all__ = ["Connection"]


class Connection:
    """For any number of threads.

    Args:
        engine: "docker" or "podman".
        socket: the path of an engine's socket on another machine, where the address names none.
        make: a client of an engine's own package, for an address.
    """

    def __init__(self, engine: str, place: Place, socket: str, make: Callable[[str], Any]) -> None:
        self._engine, self._place, self._socket, self._make = engine, place, socket, make
        self._gate = threading.Lock()
        self._client: Any = None
        self._tunnel: Tunnel | None = None

    def client(self) -> Any:
        """The client. Raises `EngineUnavailable`, and what `make` raises."""
        with self._gate:
            if self._tunnel is not None and not self._tunnel.lasts:
                self._drop()
            if self._client is None:
                if self._place.failure:
                    raise EngineUnavailable(self._place.failure)
                self._client = self._make(self._way())
            return self._client

    def close(self) -> None:
        """Close it. Idempotent."""
        with self._gate:
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        tunnel, self._tunnel = self._tunnel, None
        if client is not None:
            client.close()
        if tunnel is not None:
            tunnel.close()

    def _way(self) -> str:
        address = self._place.address
        if not address.startswith("ssh://"):
            check_socket(self._engine, address)
            return address
        if self._tunnel is not None:  # there was a way, and no engine at its end
            self._tunnel.close()
        self._tunnel = Tunnel(self._engine, address, self._socket, self._place.identity)
        return self._tunnel.open()
