"""What each request to a queue does to the database (queue.*). One that has to wait gives None and is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from intermodal.storage.state.requests import MAX_ITEMS, MAX_REPLY, Reply, invalid
from intermodal.storage.state.transaction import Transaction

__all__ = ["Clear", "Get", "Iterate", "Length", "Put", "Restore", "Side", "Taken"]

Side = Literal["get", "read", "put"]  #: what a waiting request waits for: an item to take, one to look at, or room


@dataclass(frozen=True, slots=True)
class Taken(Reply):
    """Items taken out, and where from, so that they can be put back."""

    token: str = ""
    partition: str = ""
    rows: Sequence[tuple[int, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Put:
    """Append values, all or none; None where they do not fit now."""

    token: str
    partition: str
    values: Sequence[bytes]
    block: bool = False
    timeout: float | None = None
    side: Side = "put"

    def run(self, transaction: Transaction) -> Reply | None:
        row = transaction.object(self.token)
        found = _partition(transaction, row, self.partition)
        if len(self.values) + (found[1] if found else 0) > MAX_ITEMS:
            return None
        numbered = list(zip(transaction.sequence(len(self.values)), self.values, strict=True))
        _append(transaction, row, self.partition, found, numbered)
        transaction.added.add((self.token, self.partition))
        return Reply({"accepted": True})

    def too_late(self) -> Reply:
        """The answer when nothing changed in time."""
        return Reply({"accepted": False})


@dataclass(frozen=True, slots=True)
class Get:
    """Take up to `count` of the oldest items; None where there is none. The answer has their places, for `Restore`."""

    token: str
    partition: str
    count: int = 1
    block: bool = False
    timeout: float | None = None
    side: Side = "get"

    def run(self, transaction: Transaction) -> Taken | None:
        row = transaction.object(self.token)
        found = _partition(transaction, row, self.partition)
        if found is None:
            return None
        partition, length = found
        rows = _page(transaction, partition, 0, self.count)
        if len(rows) == length:
            transaction.execute("DELETE FROM partitions WHERE id = ?", (partition,))
        else:
            transaction.execute("UPDATE partitions SET length = length - ? WHERE id = ?", (len(rows), partition))
        transaction.executemany("DELETE FROM items WHERE seq = ?", ((seq,) for seq, _ in rows))
        transaction.freed.add((self.token, self.partition))
        places, values = [place for place, _ in rows], [value for _, value in rows]
        return Taken(places, values, self.token, self.partition, rows)

    def too_late(self) -> Reply:
        """The answer when nothing came in time."""
        return Reply([])


@dataclass(frozen=True, slots=True)
class Restore:
    """Put items back where they were taken from: whoever asked for them went away before the answer came."""

    token: str
    partition: str
    rows: Sequence[tuple[int, bytes]]

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.object(self.token)
        for place, _ in self.rows:  # a client may say anything; an item's place must not be another's, now or later
            if not transaction.given(place) or _is_taken(transaction, place):
                invalid("only items that were taken out can be put back, once and to their own places")
        _append(transaction, row, self.partition, _partition(transaction, row, self.partition), self.rows)
        transaction.added.add((self.token, self.partition))
        return Reply()


@dataclass(frozen=True, slots=True)
class Iterate:
    """A page of items after the cursor `after`, which stay; None where there is none."""

    token: str
    partition: str
    after: int
    limit: int
    block: bool = False
    timeout: float | None = None
    side: Side = "read"

    def run(self, transaction: Transaction) -> Reply | None:
        found = _partition(transaction, transaction.object(self.token), self.partition)
        rows = _page(transaction, found[0], self.after, self.limit) if found else []
        if not rows:
            return None
        return Reply({"cursor": rows[-1][0]}, [value for _, value in rows])

    def too_late(self) -> Reply:
        """The answer when no further item came in time."""
        return Reply({"cursor": self.after})


@dataclass(frozen=True, slots=True)
class Length:
    """Items of one partition, or (partition None) of all."""

    token: str
    partition: str | None

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.object(self.token)
        if self.partition is not None:
            found = _partition(transaction, row, self.partition)
            return Reply(found[1] if found else 0)
        query = "SELECT coalesce(sum(length), 0) FROM partitions WHERE object = ?"
        return Reply(transaction.execute(query, (row,)).fetchone()[0])


@dataclass(frozen=True, slots=True)
class Clear:
    """Remove the items of one partition, or (partition None) of all."""

    token: str
    partition: str | None

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.object(self.token)
        found = transaction.execute(
            "SELECT id, name FROM partitions WHERE object = ?1 AND (?2 IS NULL OR name = ?2)", (row, self.partition)
        ).fetchall()
        for partition, name in found:
            transaction.execute("DELETE FROM items WHERE partition = ?", (partition,))
            transaction.execute("DELETE FROM partitions WHERE id = ?", (partition,))
            transaction.freed.add((self.token, name))
        return Reply()


def _partition(transaction: Transaction, row: int, name: str) -> tuple[int, int] | None:
    """(id, length) of a partition; empty ones have no row."""
    query = "SELECT id, length FROM partitions WHERE object = ? AND name = ?"
    found: tuple[int, int] | None = transaction.execute(query, (row, name)).fetchone()
    return found


def _append(
    transaction: Transaction, row: int, name: str, found: tuple[int, int] | None, numbered: Sequence[tuple[int, bytes]]
) -> None:
    """Add items to the partition `name`, which is `found` (`_partition`) or new."""
    if found is None:
        made = transaction.execute(
            "INSERT INTO partitions (object, name, length) VALUES (?, ?, ?)", (row, name, len(numbered))
        )
        partition = made.lastrowid
    else:
        partition = found[0]
        transaction.execute("UPDATE partitions SET length = length + ? WHERE id = ?", (len(numbered), partition))
    transaction.executemany(
        "INSERT INTO items (seq, partition, value) VALUES (?, ?, ?)",
        ((seq, partition, value) for seq, value in numbered),
    )


def _is_taken(transaction: Transaction, place: int) -> bool:
    return transaction.execute("SELECT 1 FROM items WHERE seq = ?", (place,)).fetchone() is not None


def _page(transaction: Transaction, partition: int, after: int, limit: int) -> list[tuple[int, bytes]]:
    rows = transaction.execute(
        "SELECT seq, value FROM items WHERE partition = ? AND seq > ? ORDER BY seq LIMIT ?", (partition, after, limit)
    )
    page, size = [], 0
    for seq, value in rows:
        page.append((seq, value))
        size += len(value)
        if size >= MAX_REPLY:
            break
    rows.close()
    return page
