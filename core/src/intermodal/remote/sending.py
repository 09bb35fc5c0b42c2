"""Sends a server the blobs that it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from intermodal.wire.frame import PIECE

__all__ = ["Ask", "send"]


class Ask(Protocol):
    """Waits for the value of a request: `Line.ask`."""

    def __call__(self, method: str, params: dict[str, Any], segments: Sequence[bytes] = (), /) -> Any: ...


def send(ask: Ask, blobs: Mapping[str, bytes | Path]) -> None:
    """What the server lacks."""
    for blob in ask("blobs.missing", {"blobs": list(blobs)}):
        for piece, last in _pieces(blobs[blob]):
            ask("blobs.put", {"blob": blob, "last": last}, [piece])


def _pieces(content: bytes | Path) -> Iterator[tuple[bytes, bool]]:
    """Pieces of a blob, and whether each is the last."""
    if isinstance(content, bytes):
        starts = range(0, max(len(content), 1), PIECE)
        yield from ((content[start : start + PIECE], start == starts[-1]) for start in starts)
        return
    with content.open("rb") as file:
        piece = file.read(PIECE)
        while True:
            following = file.read(PIECE)
            yield piece, not following
            if not following:
                return
            piece = following
