"""Which part of a value cannot be pickled, and where it is: for the message of an error, never on the way of one that
can.

Standard library and cloudpickle only, and Python 3.10: it also runs inside containers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

__all__ = ["refusal", "refused_argument"]

#: How deep, and at how many parts of one container, to look.
_DEPTH = 20
_MOST = 10_000


def refusal(value: Any, error: BaseException) -> str:
    """What to say where pickling `value` raised `error`."""
    way, part = _find(value)
    inside = f", which is {way} of a {_kind(value)}" if way else ""
    return f"cannot pickle a {_kind(part)}{inside}: {error}"


def refused_argument(args: tuple[Any, ...], kwargs: dict[str, Any], error: BaseException) -> str:
    """The same of a call's arguments."""
    named = [(str(number), value) for number, value in enumerate(args, 1)]
    named += [(repr(name), value) for name, value in kwargs.items()]
    for name, value in named:
        if not _pickles(value):
            return (
                f"argument {name} cannot be sent: {refusal(value, error)}. "
                "Send what it is made from, and make it inside the function (or once in an enter method)"
            )
    return f"the arguments cannot be sent: {error}"


def _find(value: Any) -> tuple[str, Any]:
    """The innermost part of `value` that cannot be pickled, after the way to it, as in `[0]['a'].lock`."""
    way = ""
    for _ in range(_DEPTH):
        bad = next((part for part in itertools.islice(_parts(value), _MOST) if not _pickles(part[1])), None)
        if bad is None:
            break
        step, value = bad
        way += step
    return way, value


def _kind(value: Any) -> str:
    """The value's type by module and name, as `threading.Thread`; that of a built-in type without the module."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r:.80}]", item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{number}]", item) for number, item in enumerate(value))
    elif isinstance(value, (set, frozenset)):
        yield from (("{...}", item) for item in value)
    elif isinstance(getattr(value, "__dict__", None), dict) and not isinstance(value, type):
        yield from ((f".{name}", item) for name, item in vars(value).items())


def _pickles(value: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.Pickler(_Nowhere(), protocol=5, buffer_callback=lambda buffer: None).dump(value)
    except Exception:  # noqa: BLE001 - whatever the value's own methods raise
        return False
    return True


class _Nowhere:
    def write(self, data: Any) -> int:
        return len(data)
