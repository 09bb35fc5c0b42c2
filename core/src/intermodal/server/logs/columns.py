"""Columns of kept lines that SQLite and PostgreSQL hold each in a way of their own."""

from __future__ import annotations

import json
from typing import Any, cast

from sqlalchemy import Dialect, Integer, LargeBinary, String
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from intermodal.plugins import LogLine

__all__ = ["Printed", "Record", "characters", "encoded"]

#: In PostgreSQL's text, which has every character but one.
_NUL = "\u0100"
#: Brackets in a record: with more it may be nested deeper than PostgreSQL reads.
_BRACKETS = 3000


def encoded(text: str) -> bytes:
    """The bytes that were printed."""
    return text.encode("utf-8", "surrogateescape")


def characters(data: bytes) -> str:
    """A character for each byte, as PostgreSQL keeps them."""
    return data.decode("latin-1").replace("\0", _NUL)


class Printed(TypeDecorator[str]):
    """Text as it was printed, which need not be UTF-8, kept byte for byte: as such in SQLite, as `characters` in
    PostgreSQL, whose functions for bytes know no letters."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column."""
        kind: TypeEngine[Any] = LargeBinary() if dialect.name == "sqlite" else String(collation="C")
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """As it is stored."""
        data = encoded(value or "")
        return data if dialect.name == "sqlite" else characters(data)

    def process_result_value(self, value: Any, dialect: Dialect) -> str:
        """As it was printed."""
        data = value.replace(_NUL, "\0").encode("latin-1") if isinstance(value, str) else cast(bytes, value)
        return data.decode("utf-8", "surrogateescape")


class Record(TypeDecorator[LogLine]):
    """The structured record of a line: in SQLite where in the text it begins, in bytes; in PostgreSQL itself. What
    Python takes for JSON and they do not is none."""

    impl = Integer
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column."""
        kind: TypeEngine[Any] = Integer() if dialect.name == "sqlite" else _Json()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: LogLine | None, dialect: Dialect) -> Any:
        """As it is stored."""
        if value is None or value.fields is None:
            return None
        if dialect.name == "sqlite":
            return len(encoded(value.text.partition("{")[0]))
        return _as_json(value)


class _Json(UserDefinedType[str]):
    """PostgreSQL's, given as text."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Its name."""
        return "JSONB"


def _as_json(line: LogLine) -> str | None:
    try:
        text = json.dumps(dict(line.fields or {}), ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):  # no number, half of a pair, too deep
        return None
    hostile = "\\u0000" in text or text.count("{") + text.count("[") > _BRACKETS
    return None if hostile else text
