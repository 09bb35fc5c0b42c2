"""How a request gets to an engine, whichever way there is: a contract of two ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

__all__ = ["Answer", "Wire"]


class Answer(Protocol):
    """To one request; its body is read as far as one wants. Whatever reads may raise `EngineUnavailable`."""

    @property
    def status(self) -> int:
        """Of HTTP."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in whatever case."""
        ...

    def read(self, size: int = -1) -> bytes:
        """So many bytes of its body, fewer only at the end; all of it without `size`."""
        ...

    def pieces(self, size: int) -> Iterator[bytes]:
        """Its body as it comes, at most so many bytes at once."""
        ...

    def stream(self) -> Any:
        """What follows its headers, as a buffered reader over the socket: of a request that was upgraded."""
        ...

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        ...


class Wire(Protocol):
    """The way to one engine, for any number of threads."""

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None,
        timeout: float | None,
    ) -> Answer:
        """Send one request.

        Args:
            target: path and query, without the version of the interface.
            timeout: seconds without a sign of life; None: for ever.

        Raises `EngineUnavailable`, and what `body` raises.
        """
        ...

    def close(self) -> None:
        """Close all that is open. Idempotent."""
        ...
