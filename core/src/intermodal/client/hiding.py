"""Takes the values of secrets out of what is shown: output of builds and containers, errors (secret.*).

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

__all__ = ["SHORTEST", "Hiding", "hide_known", "remember"]

#: Characters. Shorter values are nobody's secret ("true", "8080"), and would hide half of every line.
SHORTEST = 6


class Hiding:
    """Replaces values, each line of theirs, and their forms in addresses and in a repr(), by `***`."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {line.strip() for value in values for line in value.splitlines()}
        forms = {
            form for line in lines if len(line) >= SHORTEST for form in (line, quote(line, safe=""), _quoted(line))
        }
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def hide(self, text: str) -> str:
        """`text` without them."""
        return text if self._pattern is None else self._pattern.sub("***", text)

    def hide_in(self, value: Any) -> Any:
        """A value whose texts, also those in plain tuples, lists and dicts, are without them; others as they are."""
        if self._pattern is None:
            return value
        kind = type(value)
        if kind is str:
            return self.hide(value)
        if kind is bytes:
            return self.hide(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        if kind in (tuple, list):
            return kind(map(self.hide_in, value))
        if kind is dict:
            return {key: self.hide_in(each) for key, each in value.items()}
        return value


def _quoted(line: str) -> str:
    return repr(line)[1:-1]


_known: set[str] = set()


def remember(values: Mapping[str, str]) -> None:
    """This process knows these values of secrets from now on."""
    _known.update(values.values())


def hide_known(text: str) -> str:
    """`text` without what `remember` was given."""
    return Hiding(_known).hide(text) if _known else text
