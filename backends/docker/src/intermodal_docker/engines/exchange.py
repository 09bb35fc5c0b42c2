"""Requests to an engine: what both engines' interfaces have in common."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from intermodal.exception import BackendError
from intermodal_docker.engine import EngineBusy, EngineUnavailable, NotThere
from intermodal_docker.engines.wire import Answer, Wire

__all__ = ["Body", "Exchange", "lines"]

#: A record is sent as JSON.
Body: TypeAlias = Mapping[str, Any] | bytes | Iterable[bytes] | None

_PIECE = 1 << 16
#: What was to be started runs, or what was to be ended has ended.
_AS_IT_WAS = 304


class Exchange:
    """With one engine.

    Args:
        engine: "docker" or "podman".
        timeout: seconds that it may take for an answer.
        translated: the error that an answer means: its words, which begin with the engine's name. Those about what is
            not there or is busy are known by the answer's status already.
    """

    def __init__(
        self, engine: str, wire: Wire, timeout: float | None, translated: Callable[[str], BackendError]
    ) -> None:
        self._engine, self._wire, self._timeout, self._translated = engine, wire, timeout, translated

    def ask(
        self,
        method: str,
        path: str,
        /,
        *,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        patient: bool = False,
        **query: Any,
    ) -> Answer:
        """Send one request; `close` the answer.

        Args:
            patient: the answer may take any time.
            query: what follows the path; None is left out, a list is several of one name.

        Raises `EngineUnavailable`, `NotThere`, `EngineBusy`, `BackendError`.
        """
        given = dict(headers or {})
        if isinstance(body, Mapping):
            given["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        words = urlencode({name: _spelled(value) for name, value in query.items() if value is not None}, doseq=True)
        target = quote(path, safe="/:@") + (f"?{words}" if words else "")
        answer = self._wire.send(method, target, given, body, None if patient else self._timeout)
        if answer.status < 300 or answer.status == _AS_IT_WAS:
            return answer
        with contextlib.closing(answer):
            raise self._error(answer)

    def read(self, method: str, path: str, /, **more: Any) -> bytes:
        """The whole answer to one request. Arguments as of `ask`."""
        with contextlib.closing(self.ask(method, path, **more)) as answer:
            return answer.read()

    def json(self, method: str, path: str, /, **more: Any) -> Any:
        """The same, decoded."""
        told = self.read(method, path, **more)
        try:
            return json.loads(told)
        except ValueError:
            # an engine that goes away may end an answer early, and orderly
            raise EngineUnavailable(
                f"{self._engine}: the answer to {method} {path} is no JSON: {told[:200]!r}"
            ) from None

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._wire.close()

    def _error(self, answer: Answer) -> BackendError:
        body = answer.read().decode("utf-8", "replace").strip()
        try:
            body = json.loads(body)["message"]
        except (ValueError, LookupError, TypeError):
            pass
        said = f"{self._engine}: {body or f'status {answer.status}'}"
        if answer.status == 404:
            return NotThere(said)
        if answer.status == 409:
            return EngineBusy(said)
        return self._translated(said)


def lines(answer: Answer) -> Iterator[Any]:
    """The records of an answer that has one on each line, as they come; the answer is closed at their end."""
    with contextlib.closing(answer):
        rest = b""
        for piece in answer.pieces(_PIECE):
            *whole, rest = (rest + piece).split(b"\n")
            yield from (json.loads(line) for line in whole if line.strip())
        if rest.strip():
            yield json.loads(rest)


def _spelled(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, Mapping) else value
