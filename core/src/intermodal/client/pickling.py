"""How this process pickles what it sends, and values that the control plane keeps."""

from __future__ import annotations

from typing import Any

from intermodal.wire.payload import dumps, loads, send_main_by_value

__all__ = ["dump_value", "load_value", "send_main_by_value"]


def dump_value(value: Any) -> bytes:
    """A value as opaque bytes for a queue or dict. Raises `SerializationError`."""
    return bytes(dumps(value, None))  # type: ignore[arg-type]  # without an arena it is bytes


def load_value(data: bytes) -> Any:
    """The value again. Raises `DeserializationError`."""
    return loads(data)
