"""What SQLite and PostgreSQL do alike, said once: types of columns, and writing alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Dialect, Integer, Numeric, String, cast, func
from sqlalchemy.types import TypeDecorator

__all__ = ["LONGEST_NAME", "NUMBER", "WORDS", "Name", "Words", "alone", "mean", "whole"]

#: Whole numbers of 64 bits.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")
#: Text in the order of its code points, whatever the language of the database is.
WORDS = String().with_variant(String(collation="C"), "postgresql")

#: What sums are kept small with; a power of two, so that it costs no digit.
_MANY = 2.0**32
#: Characters of a name; three of them fit into an entry of PostgreSQL's indexes.
LONGEST_NAME = 200


class Words(TypeDecorator[str]):
    """Text from anywhere. What one of the databases takes for no text at all is replaced: NUL, and halves of pairs."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """As it is stored, and compared."""
        return None if value is None else value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


class Name(Words):
    """The same, as far as it goes into an index: the first 200 characters."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """As it is stored, and compared."""
        return super().process_bind_param(None if value is None else value[:LONGEST_NAME], dialect)


def alone(connection: Connection) -> None:
    """At the beginning of a transaction: nobody else writes to this store until it ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))")


def whole(value: ColumnElement[Any], dialect: Dialect) -> ColumnElement[int]:
    """The whole part of a number that is not negative."""
    return cast(value if dialect.name == "sqlite" else func.floor(value), Integer)


def mean(value: ColumnElement[float], dialect: Dialect) -> ColumnElement[float]:
    """Of any finite numbers, whose sum may be none. It may be rounded to a number beyond all of them, and may come as
    a `Decimal`."""
    return func.avg(value / _MANY) * _MANY if dialect.name == "sqlite" else func.avg(cast(value, Numeric))
