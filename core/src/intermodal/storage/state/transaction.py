"""One transaction on the database of queues and dicts, and what it touched that somebody may wait for."""

from __future__ import annotations

import sqlite3

from intermodal.storage.state.requests import RequestError

__all__ = ["Place", "Transaction"]

Place = tuple[str, str]  #: (id of a queue, partition)


class Transaction:
    """Between begin and commit. Requests check all they need before they write, so a refused one leaves nothing behind.

    Attributes:
        added: places that got items: getters there can go on.
        freed: places that lost items: putters there can go on.
        deleted: ids of objects that are no more.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.added: set[Place] = set()
        self.freed: set[Place] = set()
        self.deleted: set[str] = set()
        self._connection = connection
        self._next = self._first = 0

    def begin(self) -> None:
        """Take SQLite's write lock."""
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make everything visible, and lasting, at once."""
        if self._next != self._first:
            self.execute("UPDATE counter SET next = ?", (self._next,))
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo everything."""
        if self._connection.in_transaction:
            self.execute("ROLLBACK")

    def sequence(self, count: int) -> range:
        """Numbers larger than any given before, in any process: they order what has them across restarts."""
        taken = range(self.upcoming(), self._next + count)
        self._next = taken.stop
        return taken

    def upcoming(self) -> int:
        """The number that `sequence` gives next."""
        if not self._first:
            (self._first,) = self.execute("SELECT next FROM counter").fetchone()
            self._next = self._first
        return self._next

    def given(self, below: int) -> None:
        """Numbers below this one were given by others: `sequence` gives none of them."""
        self._next = max(self.upcoming(), below)

    def object(self, token: str) -> int:
        """The row of an object. Raises `RequestError`."""
        row = self.execute("SELECT id FROM objects WHERE token = ?", (token,)).fetchone()
        if row is None:
            kind = "queue" if token.startswith("qu-") else "dict"
            raise RequestError(
                "NotFoundError", f"the {kind} {token} does not exist, or no longer: it was deleted or closed"
            )
        return int(row[0])
