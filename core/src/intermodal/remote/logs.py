"""Lines that a server has kept, read and followed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from intermodal.exception import ConnectionError, NotFoundError
from intermodal.plugins import Config
from intermodal.remote.http import RefusedError, ServerHttp

__all__ = ["RemoteLogs"]

_PATH = "/v1/logs"
#: Seconds for a server to come back while its lines are followed, and between looks whether it has.
_PATIENCE_S, _RETRY_S = 60.0, 1.0


class RemoteLogs:
    """Reads with the query parameters of `GET /v1/logs`. Raises `ConfigError` when it is made."""

    def __init__(self, config: Config) -> None:
        self._http = ServerHttp(config)

    def tail(self, query: Mapping[str, str | Sequence[str]], limit: int) -> list[dict[str, Any]]:
        """The newest lines. Raises `NotFoundError` where nothing is known of what is asked for, what the server
        answers besides, and `ConnectionError`."""
        page = self._http.get(_PATH, {**query, "limit": str(limit)})
        if page["unknown"]:
            raise NotFoundError(page["unknown"])
        lines: list[dict[str, Any]] = page["lines"]
        return lines

    def after(self, query: Mapping[str, str | Sequence[str]], cursor: int) -> Iterator[dict[str, Any]]:
        """All lines with greater ids that there are now. Raises as `tail`."""
        more = True
        while more:
            page = self._http.get(_PATH, {**query, "after": str(cursor), "limit": "1000"})
            yield from page["lines"]
            cursor, more = page["cursor"], page["more"]

    def follow(
        self, query: Mapping[str, str | Sequence[str]], limit: int, after: int | None
    ) -> Iterator[dict[str, Any] | None]:
        """The newest lines, or all after an id, then each as it comes; None where lines were removed before they were
        read. Goes on where it was when the server has been away. Raises as `tail` when it stays away."""
        last = "" if after is None else str(after)
        deadline = 0.0  # the first connection must succeed
        while True:
            try:
                for name, number, data in self._http.events(_PATH, {**query, "limit": str(limit)}, last):
                    last = number or last
                    deadline = time.monotonic() + _PATIENCE_S
                    if name == "gap":
                        yield None
                    elif data:
                        yield json.loads(data)
                deadline = max(deadline, time.monotonic() + _PATIENCE_S) if deadline else 0.0
            except RefusedError:  # its token has been revoked
                raise
            except ConnectionError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_S)
