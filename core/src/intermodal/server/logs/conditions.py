"""A `LogQuery` in SQL."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, ColumnElement, String, case, cast, func, literal_column, select

from intermodal.exception import InvalidError
from intermodal.server.logs.records import LogQuery
from intermodal.server.logs.schema import BLOCKS, LINES

__all__ = ["conditions"]

_LINE = LINES.c
_unindexed: ColumnElement[str] = literal_column("+environment", String)


def conditions(query: LogQuery) -> Iterator[ColumnElement[bool]]:
    """What a line has to fulfil. Raises `InvalidError`."""
    # By its index only where an app is asked for, too: else lines are best read in the order of their ids.
    yield (_LINE.environment if query.app else _unindexed) == query.environment
    equal: tuple[tuple[Column[str], str], ...] = (
        (_LINE.app, query.app),
        (_LINE.function, query.function),
        (_LINE.container, query.container),
        (_LINE.call, query.call),
    )
    yield from (column == value for column, value in equal if value)
    if query.level is not None:
        yield _LINE.level >= query.level
    yield from _time(query)
    if query.search:
        wanted = query.search.encode("utf-8", "surrogateescape").lower()
        yield func.instr(func.lower(_LINE.text), cast(wanted, String)) > 0
    for path, value in query.fields:
        yield _member(path) == value


def _time(query: LogQuery) -> Iterator[ColumnElement[bool]]:
    """Blocks that lie wholly outside are not looked at. Clocks may jump: nothing is taken to be in order of time."""
    if query.since is not None:
        yield _LINE.at >= query.since
        yield _LINE.id >= select(func.min(BLOCKS.c.first)).where(BLOCKS.c.until >= query.since).scalar_subquery()
    if query.until is not None:
        yield _LINE.at < query.until
        yield _LINE.id <= select(func.max(BLOCKS.c.last)).where(BLOCKS.c.since < query.until).scalar_subquery()


def _member(path: str) -> ColumnElement[str]:
    """A member of the structured record, as text. What Python takes for JSON and SQLite does not has none."""
    if not path or '"' in path:
        raise InvalidError(f"{path!r:.80} is no path of a field: write names with dots between them, as user.id")
    place = "$" + "".join(f'."{name}"' for name in path.split("."))
    text = cast(func.substr(_LINE.text, _LINE.record + 1), String)
    found = case((_LINE.record.is_not(None) & (func.json_valid(text) == 1), text))
    kind = func.json_type(found, place)
    return case((kind.in_(("true", "false", "null")), kind), else_=cast(func.json_extract(found, place), String))
