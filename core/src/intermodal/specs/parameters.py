"""Values of a class's parameters as bytes, which whoever calls makes and the container reads; nobody pickles them.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

__all__ = ["Value", "decode", "encode"]

#: What a parameter can be (cls.parameters).
Value = str | int | bytes | bool

#: Greater numbers are hexadecimal text: to JSON's readers, and Python's own limit for digits, they are none.
_PLAIN = 1 << 53


def encode(values: Mapping[str, Value]) -> bytes:
    """Values by name; equal ones give equal bytes, for they name the pool. No values: b"". Raises `TypeError`."""
    if not values:
        return b""
    return json.dumps({name: _plain(values[name]) for name in sorted(values)}, separators=(",", ":")).encode()


def decode(data: bytes) -> dict[str, Value]:
    """What `encode` was given. Raises `ValueError`, `TypeError`, `KeyError` where it is none of that."""
    return {name: _value(plain) for name, plain in json.loads(data).items()} if data else {}


def _plain(value: Value) -> object:
    kind = type(value)
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}  # type: ignore[arg-type]
    if kind is int and not -_PLAIN < value < _PLAIN:  # type: ignore[operator]
        return {"int": hex(value)}  # type: ignore[arg-type]
    if kind not in (str, int, bool):
        raise TypeError(f"a parameter is str, int, bytes or bool, not {kind.__name__}")
    return value


def _value(plain: object) -> Value:
    if not isinstance(plain, dict):
        return plain  # type: ignore[return-value]
    return int(plain["int"], 16) if "int" in plain else base64.b64decode(plain["bytes"])
