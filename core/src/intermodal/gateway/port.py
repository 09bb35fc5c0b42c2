"""A port of this machine where a gateway answers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn

from intermodal.exception import ConfigError
from intermodal.gateway.uvicorn_server import uvicorn_config

__all__ = ["Port"]

Start = Callable[[Coroutine[Any, Any, None]], concurrent.futures.Future[None]]

#: Seconds that open requests have when it closes.
_LEAVING_S = 2


class Port:
    """Serves `application` on the loopback address from when it is made.

    Args:
        port: 0: any free one.
        start: runs a coroutine on the event loop that serves, from any other thread.

    Raises:
        ConfigError: the port cannot be had.
    """

    def __init__(self, application: Any, port: int, start: Start) -> None:
        self._listener = _listen(port)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn_config(application, lifespan="off", timeout_graceful_shutdown=_LEAVING_S)
        self._server = uvicorn.Server(config)
        self._serving = start(self._serve())

    async def _serve(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._server.serve([self._listener])

    def close(self) -> None:
        """Take no more requests; those that are open have a moment. Idempotent."""
        self._server.should_exit = True
        concurrent.futures.wait([self._serving])
        self._listener.close()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot take requests at 127.0.0.1 port {port}: {error.strerror or error}: choose another web_port"
        ) from None
    return listener
