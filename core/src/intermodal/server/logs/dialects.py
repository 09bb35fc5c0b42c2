"""What is asked of kept lines in SQLite's words and in PostgreSQL's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    String,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)

from intermodal.server.logs.columns import characters
from intermodal.server.logs.schema import BLOCKS, LINES
from intermodal.server.portable import Words

__all__ = ["LogDialect", "log_dialect"]

_LINE = LINES.c
#: Bytes of free pages that a file may keep.
_SPARE = 1 << 20
#: Bytes of disk that a line takes in PostgreSQL besides its text: its other columns, and its places in indexes.
_LINE_BYTES = 250


class LogDialect(Protocol):
    """One of them."""

    #: The environment, where no index is to be used for it.
    environment: ColumnElement[str]

    def holds(self, wanted: bytes) -> ColumnElement[bool]:
        """Whether a line's text has these bytes, in which ASCII letters are small, in either case."""

    def member(self, names: Sequence[str]) -> ColumnElement[str]:
        """A member of the structured record, as text."""

    def used(self, connection: Connection) -> int:
        """Bytes of disk that lines take, without what lines to come will use again."""

    def shrink(self, connection: Connection) -> None:
        """Give back what has become free."""


class _SQLite:
    environment: ColumnElement[str] = literal_column("+environment", String)

    def holds(self, wanted: bytes) -> ColumnElement[bool]:
        return func.instr(func.lower(_LINE.text), cast(literal(wanted, LargeBinary), String)) > 0

    def member(self, names: Sequence[str]) -> ColumnElement[str]:
        place = "$" + "".join(f'."{name}"' for name in names)
        begin = type_coerce(_LINE.record, Integer)
        text = cast(func.substr(_LINE.text, begin + 1), String)
        found = case((begin.is_not(None) & (func.json_valid(text) == 1), text))
        kind = func.json_type(found, place)
        return case((kind.in_(("true", "false", "null")), kind), else_=cast(func.json_extract(found, place), String))

    def used(self, connection: Connection) -> int:
        pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
        return pages * _pragma(connection, "page_size")

    def shrink(self, connection: Connection) -> None:
        pages, free, page = (_pragma(connection, name) for name in ("page_count", "freelist_count", "page_size"))
        if free * 8 > pages and free * page > _SPARE:
            # As a script: of one statement the driver takes one step, which frees one page.
            driver: Any = connection.connection.driver_connection
            driver.executescript("PRAGMA incremental_vacuum")


class _PostgreSQL:
    environment: ColumnElement[str] = _LINE.environment

    def holds(self, wanted: bytes) -> ColumnElement[bool]:
        return func.strpos(func.lower(_LINE.text, type_=String), literal(characters(wanted), String)) > 0

    def member(self, names: Sequence[str]) -> ColumnElement[str]:
        path = [literal(name, Words) for name in names]
        text = func.jsonb_extract_path_text(_LINE.record, *path, type_=Words())
        return func.coalesce(text, cast(func.jsonb_extract_path(_LINE.record, *path), Words))  # the latter: null

    def used(self, connection: Connection) -> int:
        """An estimate: tables do not become smaller, and lines to come use the room of those that were removed."""
        lines = func.sum(BLOCKS.c.last - BLOCKS.c.first + 1)
        size, count = connection.execute(select(func.sum(BLOCKS.c.size), lines)).one()
        return int(size or 0) + int(count or 0) * _LINE_BYTES

    def shrink(self, connection: Connection) -> None:
        """The server's own autovacuum does."""


def log_dialect(database: Engine) -> LogDialect:
    """That of a database."""
    return _SQLite() if database.dialect.name == "sqlite" else _PostgreSQL()


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
