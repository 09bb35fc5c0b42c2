"""Specs to and from plain JSON values, and their content hash: a spec's identity.

Standard library only and Python 3.10 syntax: guests use it too.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import types
import typing
from typing import Any, TypeVar

__all__ = ["content_hash", "from_json", "to_json"]

T = TypeVar("T")


def to_json(spec: Any) -> Any:
    """Plain JSON value of a spec: dataclasses become objects (a union member carries its class name as `type`)."""
    if dataclasses.is_dataclass(spec) and not isinstance(spec, type):
        fields = {f.name: to_json(getattr(spec, f.name)) for f in dataclasses.fields(spec)}
        return {"type": type(spec).__name__, **fields}
    if isinstance(spec, (tuple, list)):
        return [to_json(item) for item in spec]
    if isinstance(spec, dict):
        return {key: to_json(value) for key, value in spec.items()}
    if spec is None or isinstance(spec, (str, int, float, bool)):
        return spec
    raise TypeError(f"a spec cannot hold a {type(spec).__name__}: {spec!r}")


def from_json(kind: type[T], value: Any) -> T:
    """Rebuild a spec of `kind`; every field is checked against its annotation. Raises `ValueError` on any mismatch."""
    return typing.cast(T, _decode(kind, value, kind.__name__))


def content_hash(spec: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of `spec`."""
    text = json.dumps(to_json(spec), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), value, where)
    if origin is typing.Literal:
        if value in typing.get_args(kind):
            return value
    elif origin is tuple:
        return _decode_tuple(typing.get_args(kind), value, where)
    elif origin is dict and isinstance(value, dict):
        item = typing.get_args(kind)[1]
        return {str(key): _decode(item, entry, f"{where}[{key}]") for key, entry in value.items()}
    elif kind is Any:
        return value
    elif dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _decode_dataclass(typing.cast(type, kind), value, where)
    elif kind is float:
        if type(value) in (int, float) and math.isfinite(value):
            return float(value)
    elif isinstance(kind, type) and type(value) is kind:
        return value
    elif kind is None and value is None:
        return None
    raise ValueError(f"{where}: expected {kind}, got {value!r:.100}")


def _decode_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list, got {value!r:.100}")
    if len(args) == 2 and args[1] is ...:
        return tuple(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(args) != len(value):
        raise ValueError(f"{where}: expected {len(args)} items, got {len(value)}")
    return tuple(_decode(a, item, f"{where}[{i}]") for i, (a, item) in enumerate(zip(args, value, strict=True)))


def _decode_union(members: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in members:
        return None
    name = value.get("type") if isinstance(value, dict) else None
    for member in members:
        if member is type(None) or (name is not None and getattr(member, "__name__", "") != name):
            continue
        if name is not None:
            return _decode(member, value, where)
        try:
            return _decode(member, value, where)
        except ValueError:
            continue
    raise ValueError(f"{where}: {value!r:.100} fits none of {members}")


def _decode_dataclass(kind: type, value: dict[str, Any], where: str) -> Any:
    hints = _hints(kind)
    unknown = set(value) - set(hints) - {"type"}
    if unknown or value.get("type", kind.__name__) != kind.__name__:
        raise ValueError(f"{where}: not a {kind.__name__}: {sorted(unknown) or value.get('type')}")
    fields = {key: _decode(hints[key], entry, f"{where}.{key}") for key, entry in value.items() if key != "type"}
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(f"{where}: {error}") from None
