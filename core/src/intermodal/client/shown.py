"""How a message shows what a user gave: short, on one line, and whatever its class does.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["kind_of_value", "shown"]

_LENGTH = 80
_KINDS = {bool: "a truth value", int: "a whole number", float: "a number", str: "text", type(None): "None"}


def shown(value: Any, length: int = _LENGTH) -> str:
    """Basic values as Python writes them, at most `length` characters with the middle left out; of others their kind,
    for what they hold may be long, or secret."""
    kind = type(value)
    if kind in (str, bytes):
        text = repr(value if len(value) <= length else value[:length] + value[-length:])
    elif kind is int and value.bit_length() > 256:
        return f"a number of {value.bit_length():,} bits"
    elif kind in _KINDS:
        text = repr(value)
    else:
        return kind_of_value(value)
    if len(text) <= length:
        return text
    half = (length - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def kind_of_value(value: Any) -> str:
    """What it is, and nothing of what it holds."""
    kind = type(value)
    if kind in _KINDS:
        return _KINDS[kind]
    if isinstance(value, type):
        return f"the class {value.__name__:.80}"
    name = f"{kind.__name__:.80}"
    return f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}"
