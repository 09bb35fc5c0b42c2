"""How requests to queues and dicts, and the answers, look: parameters read by type, limits, errors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from intermodal.specs.names import NAME_RULE, is_name

__all__ = [
    "MAX_ITEM",
    "MAX_ITEMS",
    "MAX_KEY",
    "MAX_REPLY",
    "MAX_VALUE",
    "Params",
    "Reply",
    "RequestError",
    "check_pairs",
    "check_size",
    "closing",
    "invalid",
]

MAX_ITEMS = 5_000  #: in one partition of a queue
MAX_ITEM = 1 << 20  #: bytes of one item of a queue
MAX_KEY = 64 << 10  #: bytes of a dict's key, pickled
MAX_VALUE = 100 << 20  #: bytes of a dict's value, pickled
MAX_REPLY = 64 << 20  #: bytes after which one reply of many values stops
_DEFAULT_ENVIRONMENT = "main"


class RequestError(Exception):
    """A request that failed; `error` names the class of `intermodal.exception` that the client raises."""

    def __init__(self, error: str, message: str) -> None:
        self.error = error
        self.message = message
        super().__init__(f"{error}: {message}")


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request: a JSON value and raw segments."""

    value: Any = None
    segments: Sequence[bytes] = field(default_factory=tuple)


def invalid(message: str) -> NoReturn:
    """Refuse a request as wrong."""
    raise RequestError("InvalidError", message)


def closing() -> RequestError:
    """The engine ends."""
    return RequestError("ConnectionError", "the engine that keeps this queue or dict has closed")


class Params:
    """The JSON parameters of one request, read by name and type; `done` refuses those nobody read."""

    def __init__(self, method: str, params: Mapping[str, Any]) -> None:
        self._method = method
        self._left = dict(params)

    def done(self) -> None:
        """All known parameters were read."""
        if self._left:
            invalid(f"{self._method}: unknown parameter {sorted(self._left)[0]!r:.100}")

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean."""
        value = self._left.pop(name, default)
        return value if isinstance(value, bool) else self._wrong(name, value, "true or false")

    def count(self, name: str, default: int, low: int = 0) -> int:
        """An integer, at least `low`, that SQLite can hold."""
        value = self._left.pop(name, default)
        if type(value) is not int or not low <= value < 1 << 63:
            self._wrong(name, value, f"a whole number of at least {low}")
        return value

    def counts(self, name: str, length: int) -> list[int]:
        """So many different integers, from 0 on, that SQLite can hold."""
        value = self._left.pop(name, None)
        if not isinstance(value, list) or len(value) != length or not all(type(each) is int for each in value):
            self._wrong(name, value, f"a list of {length} whole numbers")
        if len({*value}) < length or any(not 0 <= each < 1 << 63 for each in value):
            self._wrong(name, value, "different numbers of at least 0")
        return value

    def timeout(self, name: str = "timeout", default: float | None = None) -> float | None:
        """Seconds, or None for no limit."""
        value = self._left.pop(name, default)
        if value is None:
            return None
        if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
            self._wrong(name, value, "seconds, 0 or more")
        return float(value)

    def id(self, prefix: str) -> str:
        """The id of an object."""
        value = self._left.pop("id", None)
        if not isinstance(value, str) or not value.startswith(prefix):
            self._wrong("id", value, f"an id that starts with {prefix!r}")
        return value

    def name(self) -> str | None:
        """The name of an object, or None for an ephemeral one."""
        value = self._left.pop("name", None)
        if value is None or is_name(value):
            return None if value is None else str(value)
        self._wrong("name", value, f"a name: {NAME_RULE}")

    def environment(self) -> str:
        """The environment that names belong to."""
        value = self._left.pop("environment", None) or _DEFAULT_ENVIRONMENT
        if is_name(value):
            return str(value)
        self._wrong("environment", value, f"a name: {NAME_RULE}")

    def text(self, name: str) -> str:
        """Any text."""
        value = self._left.pop(name, None)
        return value if isinstance(value, str) else self._wrong(name, value, "text")

    def optional(self, name: str) -> str | None:
        """Text, or None."""
        return None if self._left.get(name) is None else self.text(name)

    def texts(self, name: str) -> list[str]:
        """A list of texts; nothing is an empty one."""
        value = self._left.pop(name, None) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self._wrong(name, value, "a list of texts")
        return value

    def rows(self, name: str) -> list[list[Any]]:
        """A list of lists."""
        value = self._left.pop(name, None)
        if not isinstance(value, list) or not all(isinstance(each, list) for each in value):
            self._wrong(name, value, "a list of lists")
        return value

    def partition(self) -> str:
        """The partition of a queue; "" is the default one."""
        value = self._left.pop("partition", None)
        if value is None:
            return ""
        try:
            if isinstance(value, str) and 1 <= len(value.encode()) <= 64:
                return value
        except UnicodeEncodeError:
            pass
        self._wrong("partition", value, "null or text of 1 to 64 bytes")

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """One of some words."""
        value = self._left.pop(name, None)
        return value if isinstance(value, str) and value in choices else self._wrong(name, value, f"one of {choices}")

    def _wrong(self, name: str, value: Any, expected: str) -> NoReturn:
        invalid(f"{self._method}: {name} is {value!r:.100}; expected {expected}")


def check_size(what: str, value: bytes, limit: int) -> bytes:
    """`value`, if it is not too large to keep."""
    if len(value) > limit:
        invalid(f"{what} of {len(value):,} bytes; the limit is {limit:,}. Keep it in a file and store its path instead")
    return value


def check_pairs(segments: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Keys and values in turn, as pairs."""
    if len(segments) % 2:
        invalid("a dict's entries travel as keys and values in turn; one value is missing")
    return [
        (check_size("a dict's key", key, MAX_KEY), check_size("a dict's value", value, MAX_VALUE))
        for key, value in zip(segments[::2], segments[1::2], strict=True)
    ]
