"""Lines that containers printed, the newest first: filtered, followed, and read back page by page."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.dashboard.terminal import pieces
from intermodal.server.logs import LogPage, LogRecord, query_of, whole

__all__ = ["PAGE"]

_LINES = 200
#: Characters of a line, members of its record, and characters of each, that are shown.
_CHARACTERS, _MEMBERS, _VALUE = 4000, 50, 500
_FILTERS = ("app", "function", "container", "call", "level", "search", "since", "until")
_LEVELS = ("debug", "info", "warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as it is shown: `pieces` are (classes, text), `cut` is how many characters are not."""

    id: int
    at: float
    app: str
    function: str
    container: str
    call: str
    level: str
    pieces: Sequence[tuple[str, str]]
    cut: int
    fields: Sequence[tuple[str, str]]


async def _show(ask: Ask) -> Shown:
    chosen = {name: ask.query.get(name, "").strip() for name in _FILTERS}
    query = query_of(QueryParams(chosen), ask.environment)
    before, after = whole(ask.query, "before"), whole(ask.query, "after")

    def read() -> tuple[LogPage, list[_Line]]:
        store = ask.overview.logs
        page = store.tail(query, _LINES, before) if after is None else store.after(query, after, _LINES)
        return page, [_line(record) for record in reversed(page.lines)]

    page, lines = await asyncio.to_thread(read)
    back, following = before is not None, after is not None and page.more
    shown = {
        "lines": lines,
        "chosen": chosen,
        "levels": _LEVELS,
        "filtered": any(chosen.values()),
        "live": not back and not following,
        "older": lines[-1].id if lines and (page.more or following or after is not None) else None,
        "newer": lines[0].id if lines and (back or following) else None,
    }
    return shown if shown["live"] else {**shown, "every": 0.0}


def _line(record: LogRecord) -> _Line:
    level = next((name for name in reversed(_LEVELS) if (record.level or 0) >= getattr(logging, name.upper())), "")
    text = record.text[:_CHARACTERS]
    fields = _fields(record)
    return _Line(
        id=record.id,
        at=record.at,
        app=record.app,
        function=record.function,
        container=record.container,
        call=record.call or "",
        level=level,
        pieces=pieces(text),
        cut=len(record.text) - len(text),
        fields=fields,
    )


def _fields(record: LogRecord) -> list[tuple[str, str]]:
    """The members of its structured record."""
    try:
        found = record.fields or {}
        return [(name, _value(value)) for name, value in list(found.items())[:_MEMBERS]]
    except RecursionError:  # nested too deep: it is text
        return []


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}…"


PAGE = Page("logs", "logs.html", _show, title="Logs", icon="logs", every_s=2.0)
