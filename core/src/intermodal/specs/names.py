"""What apps, functions, environments and named objects may be called: one rule, wherever a name comes in.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["NAME_RULE", "is_name"]

#: For messages.
NAME_RULE = "use 1 to 64 letters (a to z, A to Z), digits, '.', '_' and '-', the first a letter, a digit or '_'"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def is_name(name: Any) -> bool:
    """Whether `name` follows the rule."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
