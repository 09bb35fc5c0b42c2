"""Types of columns that mean the same in SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import BigInteger, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator

__all__ = ["NUMBER", "WORDS", "Name", "Words"]

#: Whole numbers of 64 bits.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")
#: Text in the order of its code points, whatever the language of the database is.
WORDS = String().with_variant(String(collation="C"), "postgresql")


#: Characters of a name; three of them fit into an entry of PostgreSQL's indexes.
_LONGEST_NAME = 200


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
        return super().process_bind_param(None if value is None else value[:_LONGEST_NAME], dialect)
