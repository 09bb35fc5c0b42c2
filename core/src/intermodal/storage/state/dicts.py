"""What each request to a dict does to the database (dict.*). Keys are opaque bytes, equal where their bytes are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from intermodal.storage.state.requests import MAX_REPLY, Reply
from intermodal.storage.state.transaction import Transaction

__all__ = ["Clear", "Contains", "Get", "Iterate", "Length", "Pop", "Put", "Update", "store"]


def store(transaction: Transaction, row: int, pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Set entries; one that exists keeps its place in the order, as in a Python dict."""
    pairs = list(pairs)
    transaction.executemany(
        "INSERT INTO entries (seq, object, key, value) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (object, key) DO UPDATE SET value = excluded.value",
        ((seq, row, key, value) for seq, (key, value) in zip(transaction.sequence(len(pairs)), pairs, strict=True)),
    )


@dataclass(frozen=True, slots=True)
class Get:
    token: str
    key: bytes

    def run(self, transaction: Transaction) -> Reply:
        return _found(
            transaction.execute(
                "SELECT value FROM entries WHERE object = ? AND key = ?", (transaction.object(self.token), self.key)
            ).fetchone()
        )


@dataclass(frozen=True, slots=True)
class Put:
    """Set one entry; with `skip_if_exists` only where the key is new. Says whether it stored."""

    token: str
    key: bytes
    value: bytes
    skip_if_exists: bool

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.object(self.token)
        if self.skip_if_exists and _has(transaction, row, self.key):
            return Reply(False)
        # Mostly the key is there: nothing but its page is written then, as a new place in the order takes a number.
        change = "UPDATE entries SET value = ? WHERE object = ? AND key = ?"
        if not transaction.execute(change, (self.value, row, self.key)).rowcount:
            store(transaction, row, [(self.key, self.value)])
        return Reply(True)


@dataclass(frozen=True, slots=True)
class Pop:
    token: str
    key: bytes

    def run(self, transaction: Transaction) -> Reply:
        where = (transaction.object(self.token), self.key)
        row = transaction.execute("SELECT value FROM entries WHERE object = ? AND key = ?", where).fetchone()
        if row is not None:
            transaction.execute("DELETE FROM entries WHERE object = ? AND key = ?", where)
        return _found(row)


@dataclass(frozen=True, slots=True)
class Contains:
    token: str
    key: bytes

    def run(self, transaction: Transaction) -> Reply:
        return Reply(_has(transaction, transaction.object(self.token), self.key))


@dataclass(frozen=True, slots=True)
class Length:
    token: str

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.object(self.token)
        return Reply(transaction.execute("SELECT count(*) FROM entries WHERE object = ?", (row,)).fetchone()[0])


@dataclass(frozen=True, slots=True)
class Update:
    token: str
    pairs: Sequence[tuple[bytes, bytes]]

    def run(self, transaction: Transaction) -> Reply:
        store(transaction, transaction.object(self.token), self.pairs)
        return Reply()


@dataclass(frozen=True, slots=True)
class Clear:
    token: str

    def run(self, transaction: Transaction) -> Reply:
        transaction.execute("DELETE FROM entries WHERE object = ?", (transaction.object(self.token),))
        return Reply()


@dataclass(frozen=True, slots=True)
class Iterate:
    """A page of keys, values or both, in the order of insertion, after the cursor `after`."""

    token: str
    what: Literal["keys", "values", "items"]
    after: int
    limit: int

    def run(self, transaction: Transaction) -> Reply:
        columns = {"keys": "key", "values": "value", "items": "key, value"}[self.what]
        rows = transaction.execute(
            f"SELECT seq, {columns} FROM entries WHERE object = ? AND seq > ? ORDER BY seq",
            (transaction.object(self.token), self.after),
        )
        cursor, count, size, segments = self.after, 0, 0, list[bytes]()
        for seq, *parts in rows:
            cursor, count = seq, count + 1
            segments += parts
            size += sum(map(len, parts))
            if count == self.limit or size >= MAX_REPLY:
                break
        more = rows.fetchone() is not None
        rows.close()
        return Reply({"cursor": cursor, "more": more}, segments)


def _has(transaction: Transaction, row: int, key: bytes) -> bool:
    return transaction.execute("SELECT 1 FROM entries WHERE object = ? AND key = ?", (row, key)).fetchone() is not None


def _found(row: tuple[bytes] | None) -> Reply:
    return Reply(False) if row is None else Reply(True, row)
