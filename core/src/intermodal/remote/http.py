"""Questions to a server that are plain HTTP requests."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

from intermodal.client.errors import named_error
from intermodal.exception import ConfigError, ConnectionError
from intermodal.plugins import Config
from intermodal.remote.address import Address, address, reaching, stranger

__all__ = ["Event", "RefusedError", "ServerHttp"]

_ANSWER_S = 60.0
_REFUSED = (401, 403)

#: Name, id and data of a server-sent event.
Event = tuple[str, str, str]


class RefusedError(ConnectionError):
    """The server is there, and does not let this client in."""


class ServerHttp:
    """The server of `server_url`. Raises `ConfigError` when it is made: there is none, or see `address`."""

    def __init__(self, config: Config) -> None:
        if not config.get("server_url"):
            raise ConfigError("this is kept by a server: say which with INTERMODAL_SERVER_URL, or --set server_url=URL")
        self._there = address(config)

    def get(self, path: str, query: Mapping[str, str | Sequence[str]]) -> Any:
        """The JSON value at `path`. Raises what the server answers, `ConnectionError`."""
        with self._answer(path, query, {}) as answer:
            return json.loads(answer.read())

    def events(self, path: str, query: Mapping[str, str | Sequence[str]], last: str = "") -> Iterator[Event]:
        """Server-sent events, those after the one with the id `last`, until the server ends. One without data is none:
        it says from which id on to resume. Raises as `get`."""
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
        with self._answer(path, query, headers) as answer:
            event = {"event": "message", "id": "", "data": ""}
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name in event:
                    event[name] = value
                elif not line.strip():
                    yield event["event"], event["id"], event["data"]
                    event |= {"event": "message", "data": ""}

    @contextmanager
    def _answer(
        self, path: str, query: Mapping[str, str | Sequence[str]], headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self._there.url)
        target = f"{parts.path.rstrip('/')}{path}?{urlencode(query, doseq=True, errors='surrogateescape')}"
        connection = (
            http.client.HTTPConnection(parts.netloc, timeout=_ANSWER_S)
            if self._there.tls is None
            else http.client.HTTPSConnection(parts.netloc, timeout=_ANSWER_S, context=self._there.tls)
        )
        with closing(connection), reaching(self._there, http.client.HTTPException):
            connection.request("GET", target, headers={**self._there.headers, **headers})
            answer = connection.getresponse()
            if answer.status != 200:
                raise _failure(self._there, answer)
            yield answer


def _failure(there: Address, answer: http.client.HTTPResponse) -> Exception:
    try:
        said = json.loads(answer.read())
        error, message = str(said["error"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        return stranger(there, f"{answer.status} {answer.reason}", answer.headers.get("Server", ""))
    return RefusedError(message) if answer.status in _REFUSED else named_error(error, message)
