"""A database that cannot do its work for now is an error of ours, which says what to do: from wherever it is used."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Engine, event

from intermodal.exception import Error, RemoteError, ResourceExhaustedError

__all__ = ["UNAVAILABLE", "tell_trouble"]

#: What statements raise while the database cannot carry them out. Another time they may work.
UNAVAILABLE = (RemoteError, ResourceExhaustedError)

#: Primary result codes of SQLite that speak of disk and file, not of the statement.
_OF_THE_FILE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
#: Classes of PostgreSQL's codes: connection, resources, intervention, system, a transaction that may be tried again, a
#: standby.
_OF_THE_SERVER = ("08", "53", "57", "58", "40", "25")
_DISK_FULL = "53100"


def tell_trouble(engine: Engine, where: str) -> None:
    """Have all that the engine is used for raise one of `UNAVAILABLE` where it is the database's fault.

    Args:
        where: the database as people know it, without any password.
    """

    @event.listens_for(engine, "handle_error")
    def translate(context: Any) -> Error | None:
        return _meaning(context.original_exception, where)


def _meaning(error: BaseException, where: str) -> Error | None:
    """None: the statement is wrong, or there is such a row."""
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error, where)
    state = getattr(error, "sqlstate", "none")
    if state == _DISK_FULL:
        return _full(where)
    if state is None or state.startswith(_OF_THE_SERVER):
        return _unavailable(where, error, "start it, or see to its log; the server goes on by itself when it answers")
    return None


def _of_sqlite(error: sqlite3.Error, where: str) -> Error | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return _full(where)
    if code in _OF_THE_FILE:
        advice = "see to the disk and to who may write there; the server goes on by itself when it can be used again"
        return _unavailable(where, error, advice)
    return None


def _full(where: str) -> Error:
    return ResourceExhaustedError(
        f"there is no room left for {where}, so nothing was changed: free space on its disk, and try again"
    )


def _unavailable(where: str, error: BaseException, advice: str) -> Error:
    why = " ".join(str(error).split())
    return RemoteError(f"{where} cannot be used ({why}): {advice}")
