"""What a session's observers are told, sent to the client whose app it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from intermodal.plugins import hookimpl
from intermodal.plugins.observations import OBSERVATIONS

__all__ = ["Forwarder"]


class Forwarder:
    """A plugin with the observer hooks. Metrics come from log lines, which the client has.

    Args:
        send: takes a kind and records as JSON values, from any thread.
    """

    def __init__(self, send: Callable[[str, list[dict[str, Any]]], None]) -> None:
        self._send: Callable[[str, list[dict[str, Any]]], None] | None = send

    def end(self) -> None:
        """Send nothing any more."""
        self._send = None


def _hook(kind: str) -> Callable[[Forwarder, Sequence[Any]], None]:
    def forward(self: Forwarder, events: Sequence[Any]) -> None:
        send = self._send
        if send is not None:
            send(kind, [dataclasses.asdict(record) for record in events])

    return forward


for _kind in OBSERVATIONS:
    if _kind != "metric":
        setattr(Forwarder, f"intermodal_{_kind}", hookimpl(_hook(_kind)))
