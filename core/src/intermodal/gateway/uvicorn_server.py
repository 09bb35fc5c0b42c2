"""How uvicorn is set up wherever it serves web functions."""

from __future__ import annotations

import logging
from typing import Any

import uvicorn

from intermodal.gateway.http_protocol import HttpProtocol

__all__ = ["uvicorn_config"]

#: What apps and clients do is no news of the server's.
_NO_NEWS = (
    "ASGI callable returned without completing",
    "Invalid HTTP request received",
    "Unsupported upgrade request",
)


class _News(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_NO_NEWS)


def uvicorn_config(application: Any, **options: Any) -> uvicorn.Config:
    """A configuration for `application`; `options` are more of uvicorn's."""
    config = uvicorn.Config(
        application,
        http=HttpProtocol,
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
