"""Events of ASGI as payloads: what a web function takes and gives. Both ends read them, so nothing in them is pickled.

A payload is its form, a u32 length, a JSON list of events, and the bytes of their bodies one after another: where an
event has a body the JSON has its length. Headers are text of Latin-1, a character a byte.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

from intermodal.wire.payload import EVENTS

__all__ = ["MAX_BODY", "Event", "decode", "encode", "is_events"]

Event = dict[str, Any]

#: Bytes of a body that one event of ours carries at most: what a stream's credit counts are such events.
MAX_BODY = 128 << 10
#: Fields that are bodies, and fields that are other bytes.
_BODIES = ("body", "bytes")
_TEXTS = ("raw_path", "query_string")
_HEAD = struct.Struct("<BI")


def encode(events: Sequence[Event]) -> bytes:
    """The payload of some events. Raises `TypeError`, `ValueError` where one is not as ASGI says."""
    bodies: list[bytes] = []
    plain = []
    for event in events:
        event = dict(event)
        for name in _BODIES:
            if event.get(name) is not None:
                bodies.append(bytes(event[name]))
                event[name] = len(bodies[-1])
        for name in _TEXTS:
            if event.get(name) is not None:
                event[name] = event[name].decode("latin-1")
        if "headers" in event:
            event["headers"] = [(bytes(n).decode("latin-1"), bytes(v).decode("latin-1")) for n, v in event["headers"]]
        plain.append(event)
    text = json.dumps(plain, separators=(",", ":")).encode()
    return b"".join((_HEAD.pack(EVENTS, len(text)), text, *bodies))


def decode(payload: bytes) -> list[Event]:
    """The events of a payload. Raises `ValueError` where it is none."""
    try:
        form, length = _HEAD.unpack_from(payload)
        start = _HEAD.size + length
        events = json.loads(payload[_HEAD.size : start])
        if form != EVENTS or type(events) is not list:
            raise ValueError("a payload is no list of events")
        for event in events:
            start = _decode(event, payload, start)
        return events
    except (struct.error, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"events are malformed: {type(error).__name__}: {error}") from None


def _decode(event: Event, payload: bytes, start: int) -> int:
    """Bring the bytes of an event back; where the next event's begin."""
    if type(event["type"]) is not str:
        raise ValueError("an event has no type")
    for name in _BODIES:
        size = event.get(name)
        if size is not None:
            if type(size) is not int or not 0 <= size <= len(payload) - start:
                raise ValueError(f"an event's {name} is not there")
            event[name] = payload[start : start + size]
            start += size
    for name in _TEXTS:
        if event.get(name) is not None:
            event[name] = event[name].encode("latin-1")
    if "headers" in event:
        event["headers"] = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in event["headers"]]
    return start


def is_events(payload: Any) -> bool:
    """Whether a payload has events, to go by its form."""
    return isinstance(payload, bytes) and payload[:1] == _FORM


_FORM = bytes((EVENTS,))
