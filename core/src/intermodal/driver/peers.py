"""Who sends a driver the frames of a client: a container whose code makes calls, or another process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from intermodal.wire.payload import Payload

__all__ = ["Peer"]


class Peer(Protocol):
    """Who sends client frames. What is sent to one that is gone is dropped."""

    @property
    def client(self) -> str:
        """Its name for the engine: "container:" and a container's id, or another that nobody has had."""
        ...

    @property
    def container(self) -> str:
        """The container that it is; "" for others."""
        ...

    def payload(self, segment: bytes) -> Payload:
        """A payload as it came from there, checked. Raises `SegmentError`."""
        ...

    def send(self, header: dict[str, Any], segments: Sequence[Any] = ()) -> None:
        """A frame of plain segments."""
        ...

    def send_payloads(self, header: dict[str, Any], segments: list[Any], payloads: Sequence[Any]) -> None:
        """A frame whose last segments are payloads."""
        ...
