"""What user code raised, as a payload: its text for whoever moves it, and the exception itself for the caller alone.

A payload is its form, a u32 length, JSON, and the pickled exception where it survives pickling. So the control plane
can tell a failure without opening what a container has pickled.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from intermodal.wire.payload import RAISED

__all__ = ["Raised", "decode", "encode", "is_raised"]

_HEAD = struct.Struct("<BI")
_FORM = bytes((RAISED,))


@dataclass(frozen=True)
class Raised:
    """One exception.

    Attributes:
        error: its type with the module, builtins without.
        traceback: text, with the chain of causes.
        exception: its pickle, where it comes out of that as the same; else None.
    """

    error: str
    message: str
    traceback: str
    exception: bytes | None = None


def encode(raised: Raised) -> bytes:
    """The payload."""
    text = json.dumps([raised.error, raised.message, raised.traceback]).encode()
    return b"".join((_HEAD.pack(RAISED, len(text)), text, raised.exception or b""))


def decode(payload: bytes, longest: int | None = None) -> Raised:
    """What a payload says. Raises `ValueError` where it says nothing, or more than `longest` bytes of text."""
    try:
        form, length = _HEAD.unpack_from(payload)
        end = _HEAD.size + length
        if form != RAISED or end > len(payload) or (longest is not None and length > longest):
            raise ValueError("a payload is no exception, or too long a one")
        texts = json.loads(payload[_HEAD.size : end])
        if type(texts) is not list or len(texts) != 3 or any(type(text) is not str for text in texts):
            raise ValueError("an exception has a type, a message and a traceback")
    except (struct.error, RecursionError) as error:
        raise ValueError(f"an exception is malformed: {error}") from None
    name, message, traceback = texts
    return Raised(name, message, traceback, payload[end:] or None)


def is_raised(payload: Any) -> bool:
    """Whether a payload has an exception of user code, to go by its form."""
    return isinstance(payload, bytes) and payload[:1] == _FORM
