"""Values as JSON: what a call over HTTP brings, and the result that it gets (web.lookup). Both ends read them, so
nothing in them is pickled.

A payload is its form and JSON text: of arguments the list `[args, kwargs]`, of a result any value.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import json
from typing import Any

from intermodal.exception import SerializationError
from intermodal.wire.payload import JSON

__all__ = ["encode", "is_json", "text_of"]

_FORM = bytes((JSON,))


def encode(value: Any, what: str) -> bytes:
    """The payload of a value. Raises `SerializationError`, which says that `what` gave it."""
    try:
        return _FORM + json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise SerializationError(
            f"{what} was called over HTTP and returned something that JSON cannot hold: {error}. Return dicts, lists, "
            "text, numbers, True, False or None"
        ) from None


def is_json(payload: Any) -> bool:
    """Whether a payload is JSON, to go by its form."""
    return payload.__class__ is bytes and payload[:1] == _FORM


def text_of(payload: bytes) -> bytes:
    """The JSON text of a payload; whoever made it may have put anything there."""
    return payload[1:]
