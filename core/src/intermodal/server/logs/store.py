"""Lines on disk: appended by one thread, read by any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from intermodal.plugins import LogLine
from intermodal.server.logs.columns import encoded
from intermodal.server.logs.conditions import conditions
from intermodal.server.logs.dialects import log_dialect
from intermodal.server.logs.happenings import Happening
from intermodal.server.logs.levels import level_of
from intermodal.server.logs.records import LogPage, LogQuery, LogRecord
from intermodal.server.logs.schema import BLOCKS, LINES
from intermodal.server.portable import alone

__all__ = ["LogStore"]

#: A block is full with so many lines, or bytes of text.
_BLOCK_LINES, _BLOCK_BYTES = 1000, 1 << 20
#: Bytes of text in a page, after which it ends early: lines may be of a MiB.
_PAGE_BYTES = 4 << 20
_READ = [column for column in LINES.c if column.name != "record"]


class LogStore:
    """One file of lines. `append` on one thread at a time; the rest on any.

    Args:
        block_lines: how many are removed at once, at most.
    """

    def __init__(self, database: Engine, block_lines: int = _BLOCK_LINES) -> None:
        self._database = database
        self._dialect = log_dialect(database)
        self._block_lines = block_lines

    def append(self, lines: Iterable[tuple[str, LogLine | Happening]]) -> None:
        """Keep lines, each with its environment. All or none. Raises one of `UNAVAILABLE`."""
        rest = iter(lines)
        with self._database.begin() as connection:
            alone(connection)
            while rows := [_row(environment, line) for environment, line in islice(rest, self._block_lines)]:
                first = _newest(connection) + 1
                connection.execute(insert(LINES), [{"id": first + place, **row} for place, row in enumerate(rows)])
                _enter(connection, first, rows, self._block_lines)

    def after(self, query: LogQuery, cursor: int, limit: int) -> LogPage:
        """The first `limit` lines with greater ids than `cursor`. Raises `InvalidError`."""
        statement = select(*_READ).where(*conditions(query, self._dialect), LINES.c.id > cursor).order_by(LINES.c.id)
        with self._database.connect() as connection:
            newest = _newest(connection)
            gap = cursor > 0 and cursor + 1 < _oldest(connection)
            rows = connection.execute(statement.where(LINES.c.id <= newest).limit(limit + 1))
            lines, more = _page(rows, limit)
        return LogPage(lines=lines, cursor=lines[-1].id if more else max(newest, cursor), more=more, gap=gap)

    def tail(self, query: LogQuery, limit: int, before: int | None = None) -> LogPage:
        """The last `limit` lines, of those with lesser ids than `before` where it is given. Raises `InvalidError`."""
        statement = select(*_READ).where(*conditions(query, self._dialect)).order_by(LINES.c.id.desc())
        with self._database.connect() as connection:
            newest = _newest(connection) if before is None else before - 1
            rows = connection.execute(statement.where(LINES.c.id <= newest).limit(limit + 1))
            lines, more = _page(rows, limit)
        return LogPage(lines=lines[::-1], cursor=newest, more=more)

    def has(self, environment: str, app: str, *, function: str = "", call: str = "", container: str = "") -> bool:
        """Whether there is any line of these."""
        query = LogQuery(environment=environment, app=app, function=function, call=call, container=container)
        with self._database.connect() as connection:
            return (
                connection.execute(select(LINES.c.id).where(*conditions(query, self._dialect)).limit(1)).first()
                is not None
            )

    def names(self, environment: str, app: str = "") -> list[str]:
        """The apps that have lines; of an app, its functions."""
        column = LINES.c.function if app else LINES.c.app
        statement = (
            select(column).where(*conditions(LogQuery(environment=environment, app=app), self._dialect)).distinct()
        )
        with self._database.connect() as connection:
            return [str(name) for (name,) in connection.execute(statement)]

    def prune(self, before: float, size: int) -> None:
        """Remove the oldest blocks: those whose lines are all from before that time, in Unix seconds, and while the
        file holds more than `size` bytes. What it costs is what is removed.
        """
        while self._drop_oldest(before, size):
            pass
        with self._database.connect() as connection:
            self._dialect.shrink(connection)

    def _drop_oldest(self, before: float, size: int) -> bool:
        with self._database.begin() as connection:
            blocks = connection.execute(select(BLOCKS).order_by(BLOCKS.c.first).limit(2)).all()
            if not blocks or blocks[0].first > blocks[0].last:
                return False
            oldest = blocks[0]
            if oldest.until >= before and self._dialect.used(connection) <= size:
                return False
            connection.execute(LINES.delete().where(LINES.c.id <= oldest.last))
            mine = BLOCKS.c.first == oldest.first
            if len(blocks) == 1:
                connection.execute(update(BLOCKS).where(mine).values(first=oldest.last + 1, size=0))
            else:
                connection.execute(BLOCKS.delete().where(mine))
            return True

    def close(self) -> None:
        """Let go of the file."""
        self._database.dispose()


def _row(environment: str, line: LogLine | Happening) -> dict[str, Any]:
    if isinstance(line, Happening):
        return {"environment": environment, "record": None, **asdict(line), "stream": 0}
    return {
        "at": line.at,
        "environment": environment,
        "app": line.app,
        "function": line.function,
        "container": line.container,
        "call": line.call,
        "input": line.input,
        "stream": line.stream,
        "level": level_of(line.text, line.fields),
        "record": line,
        "text": line.text,
    }


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(BLOCKS.c.last))).scalar() or 0


def _oldest(connection: Connection) -> int:
    return connection.execute(select(func.min(BLOCKS.c.first))).scalar() or 0


def _enter(connection: Connection, first: int, rows: Sequence[dict[str, Any]], full: int) -> None:
    """Into the newest block, while that has room, or one of their own."""
    times, size = [row["at"] for row in rows], sum(len(encoded(row["text"])) for row in rows)
    last, since, until = first + len(rows) - 1, min(times), max(times)
    block = connection.execute(select(BLOCKS).order_by(BLOCKS.c.first.desc()).limit(1)).first()
    if block is None or block.last - block.first + 1 + len(rows) > full or block.size >= _BLOCK_BYTES:
        row = {"first": first, "last": last, "since": since, "until": until, "size": size}
        connection.execute(insert(BLOCKS), [row])
        return
    if block.first <= block.last:
        since, until = min(since, block.since), max(until, block.until)
    grown = update(BLOCKS).where(BLOCKS.c.first == block.first)
    connection.execute(grown.values(last=last, since=since, until=until, size=block.size + size))


def _page(rows: Iterable[Any], limit: int) -> tuple[list[LogRecord], bool]:
    """What fits, and whether there was more."""
    found: list[LogRecord] = []
    size = 0
    for row in rows:
        if len(found) == limit or size >= _PAGE_BYTES:
            return found, True
        line = LogRecord(**row._mapping)
        found.append(line)
        size += len(line.text)
    return found, False
