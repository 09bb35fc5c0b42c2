"""Takes the values of secrets out of what builds print (secret.*)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

__all__ = ["Hiding"]

#: Shorter values are nobody's secret, and would hide half of every line.
_SHORTEST = 4


class Hiding:
    """Replaces values, each line of theirs, and their form in addresses by `***`."""

    def __init__(self, values: Iterable[str]) -> None:
        lines = {line.strip() for value in values for line in value.splitlines()}
        forms = {form for line in lines if len(line) >= _SHORTEST for form in (line, quote(line, safe=""))}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def hide(self, text: str) -> str:
        """`text` without them."""
        return text if self._pattern is None else self._pattern.sub("***", text)
