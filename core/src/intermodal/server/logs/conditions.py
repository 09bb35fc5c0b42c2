"""A `LogQuery` in SQL."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, ColumnElement, func, select

from intermodal.exception import InvalidError
from intermodal.server.logs.columns import encoded
from intermodal.server.logs.dialects import LogDialect
from intermodal.server.logs.records import LogQuery
from intermodal.server.logs.schema import BLOCKS, LINES

__all__ = ["conditions"]

_LINE = LINES.c


def conditions(query: LogQuery, dialect: LogDialect) -> Iterator[ColumnElement[bool]]:
    """What a line has to fulfil. Raises `InvalidError`."""
    # By its index only where an app is asked for, too: else lines are best read in the order of their ids.
    yield (_LINE.environment if query.app else dialect.environment) == query.environment
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
        yield dialect.holds(encoded(query.search).lower())
    for path, value in query.fields:
        yield _member(path, dialect) == value


def _time(query: LogQuery) -> Iterator[ColumnElement[bool]]:
    """Blocks that lie wholly outside are not looked at. Clocks may jump: nothing is taken to be in order of time."""
    if query.since is not None:
        yield _LINE.at >= query.since
        yield _LINE.id >= select(func.min(BLOCKS.c.first)).where(BLOCKS.c.until >= query.since).scalar_subquery()
    if query.until is not None:
        yield _LINE.at < query.until
        yield _LINE.id <= select(func.max(BLOCKS.c.last)).where(BLOCKS.c.since < query.until).scalar_subquery()


def _member(path: str, dialect: LogDialect) -> ColumnElement[str]:
    if not path or '"' in path or not path.isprintable():
        raise InvalidError(f"{path!r:.80} is no path of a field: write names with dots between them, as user.id")
    return dialect.member(path.split("."))
