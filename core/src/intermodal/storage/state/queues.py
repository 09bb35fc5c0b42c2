"""What each request to a queue does to the database (queue.*). One that has to wait gives None and is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

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
        place = _place(transaction, self.token, self.partition)
        if len(self.values) + place.length > MAX_ITEMS:
            return None
        _append(transaction, place, list(enumerate(self.values, place.next)), place.next + len(self.values))
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
        place = _place(transaction, self.token, self.partition)
        if not place.length:
            return None
        rows = _page(transaction, place.id, 0, self.count)
        if len(rows) < place.length or not place.name:  # the row of the unnamed partition stays: it is soon used again
            transaction.execute("UPDATE queue_partitions SET length = length - ? WHERE id = ?", (len(rows), place.id))
        else:
            _forget(transaction, place.id, place.next)
        transaction.execute("DELETE FROM queue_items WHERE partition = ? AND number <= ?", (place.id, rows[-1][0]))
        transaction.freed.add((self.token, self.partition))
        numbers, values = [number for number, _ in rows], [value for _, value in rows]
        return Taken(numbers, values, self.token, self.partition, rows)

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
        place = _place(transaction, self.token, self.partition)
        for number, _ in self.rows:  # a client may say anything; an item's number must not be another's, now or later
            if not 0 < number < place.next or _is_taken(transaction, place.id, number):
                invalid("only items that were taken out can be put back, once and to their own places")
        _append(transaction, place, self.rows, place.next)
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
        place = _place(transaction, self.token, self.partition)
        rows = _page(transaction, place.id, self.after, self.limit) if place.length else []
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
        if self.partition is not None:
            return Reply(_place(transaction, self.token, self.partition).length)
        query = "SELECT coalesce(sum(length), 0) FROM queue_partitions WHERE object = ?"
        return Reply(transaction.execute(query, (transaction.object(self.token),)).fetchone()[0])


@dataclass(frozen=True, slots=True)
class Partitions:
    """Some of the partitions that have items, by name, with how many they have; and how many such there are in all."""

    token: str
    limit: int
    offset: int

    def run(self, transaction: Transaction) -> Reply:
        some = "FROM queue_partitions WHERE object = ? AND length > 0"
        row = transaction.object(self.token)
        total = transaction.execute(f"SELECT count(*) {some}", (row,)).fetchone()[0]
        part = (row, self.limit, self.offset)
        rows = transaction.execute(f"SELECT name, length {some} ORDER BY name LIMIT ? OFFSET ?", part).fetchall()
        return Reply({"total": total, "partitions": rows})


@dataclass(frozen=True, slots=True)
class Clear:
    """Remove the items of one partition, or (partition None) of all."""

    token: str
    partition: str | None

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.object(self.token)
        found = transaction.execute(
            "SELECT id, name, next FROM queue_partitions WHERE object = ?1 AND (?2 IS NULL OR name = ?2)",
            (row, self.partition),
        ).fetchall()
        for partition, name, following in found:
            transaction.execute("DELETE FROM queue_items WHERE partition = ?", (partition,))
            _forget(transaction, partition, following)
            transaction.freed.add((self.token, name))
        return Reply()


class _Place(NamedTuple):
    """A partition: its row's id (0: it has none, and no items), the number of its next item, and how many it has."""

    object: int
    name: str
    id: int
    next: int
    length: int


def _place(transaction: Transaction, token: str, name: str) -> _Place:
    """The partition `name` of a queue. Raises `RequestError`: no such queue."""
    found = transaction.execute(
        "SELECT objects.id, partition.id, next, length FROM objects LEFT JOIN queue_partitions AS partition "
        "ON partition.object = objects.id AND partition.name = ? WHERE token = ?",
        (name, token),
    ).fetchone()
    row, partition, following, length = found or (transaction.object(token), None, 0, 0)
    if partition is None:
        return _Place(row, name, 0, transaction.upcoming(), 0)
    return _Place(row, name, partition, following, length)


def _append(transaction: Transaction, place: _Place, numbered: Sequence[tuple[int, bytes]], following: int) -> None:
    """Add items to a partition, which is made where it has no row; its next item gets the number `following`."""
    partition: int | None = place.id
    if partition:
        transaction.execute(
            "UPDATE queue_partitions SET next = ?, length = length + ? WHERE id = ?",
            (following, len(numbered), partition),
        )
    else:
        partition = transaction.execute(
            "INSERT INTO queue_partitions (object, name, next, length) VALUES (?, ?, ?, ?)",
            (place.object, place.name, following, len(numbered)),
        ).lastrowid
    insert = "INSERT INTO queue_items (partition, number, value) VALUES (?, ?, ?)"
    if len(numbered) == 1:
        transaction.execute(insert, (partition, *numbered[0]))
    else:
        transaction.executemany(insert, ((partition, number, value) for number, value in numbered))


def _forget(transaction: Transaction, partition: int, following: int) -> None:
    """Remove the row of a partition. One of its name that is made again goes on with larger numbers."""
    transaction.execute("DELETE FROM queue_partitions WHERE id = ?", (partition,))
    transaction.given(following)


def _is_taken(transaction: Transaction, partition: int, number: int) -> bool:
    query = "SELECT 1 FROM queue_items WHERE partition = ? AND number = ?"
    return transaction.execute(query, (partition, number)).fetchone() is not None


def _page(transaction: Transaction, partition: int, after: int, limit: int) -> list[tuple[int, bytes]]:
    rows = transaction.execute(
        "SELECT number, value FROM queue_items WHERE partition = ? AND number > ? ORDER BY number LIMIT ?",
        (partition, after, limit),
    )
    page, size = [], 0
    for number, value in rows:
        page.append((number, value))
        size += len(value)
        if size >= MAX_REPLY:
            break
    rows.close()
    return page
