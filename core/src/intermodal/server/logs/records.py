"""What is asked of kept lines, and what the answer is (log.lines)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from intermodal.plugins.structured import parse_fields

__all__ = ["LogPage", "LogQuery", "LogRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which lines; None and "" let every line through.

    Attributes:
        since: Unix seconds; lines of that moment and later.
        until: Unix seconds; lines before it.
        search: text that is in the line; ASCII letters match in either case.
        level: as numbers of the standard library's logging have it; lines of that level and above.
        fields: dotted path and value of members that a structured record has. Numbers as JSON writes them, and the
            words true, false, null.
    """

    environment: str
    app: str = ""
    function: str = ""
    container: str = ""
    call: str = ""
    since: float | None = None
    until: float | None = None
    search: str = ""
    level: int | None = None
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """A line that was kept; its members are those of `LogLine`. Later ones have greater ids, and none is used twice.

    Those of stream 0 say what happened; they may have an end of line in them (`happenings`).
    """

    id: int
    at: float
    environment: str
    app: str
    function: str
    container: str
    call: str | None
    input: int | None
    stream: Literal[0, 1, 2]
    level: int | None
    text: str

    @property
    def fields(self) -> Mapping[str, Any] | None:
        """The structured record in it."""
        return parse_fields(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Lines in the order of their ids.

    Attributes:
        cursor: go on after this id; what was before it is in this page, or matches not.
        more: there are more lines that match: later ones, or earlier ones where the page is a tail.
        gap: lines between the id that was asked for and this page are no longer kept.
    """

    lines: Sequence[LogRecord]
    cursor: int
    more: bool
    gap: bool = False
