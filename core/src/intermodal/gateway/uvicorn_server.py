"""How uvicorn is set up wherever it serves web functions."""

from __future__ import annotations

import logging
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["uvicorn_config"]

#: Bytes that the head of a request may have.
_MAX_HEAD = 64 << 10
#: What apps and clients do is no news of the server's.
_NO_NEWS = (
    "ASGI callable returned without completing",
    "Invalid HTTP request received",
    "Unsupported upgrade request",
)


class _BoundedHead(HttpToolsProtocol):
    """Takes no request whose head has no end: the parser itself would keep it all."""

    _in_head = False
    _head = 0

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > _MAX_HEAD:
                self.send_400_response("The head of the request is too large.")


class _News(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_NO_NEWS)


def uvicorn_config(application: Any, **options: Any) -> uvicorn.Config:
    """A configuration for `application`; `options` are more of uvicorn's."""
    config = uvicorn.Config(
        application,
        http=_BoundedHead,
        ws="websockets-sansio",
        log_level="warning",
        ws_max_size=64 << 20,
        server_header=False,
        **options,
    )
    logger = logging.getLogger("uvicorn.error")
    if not any(isinstance(each, _News) for each in logger.filters):
        logger.addFilter(_News())
    return config
