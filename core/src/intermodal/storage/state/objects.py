"""Named and ephemeral objects: finding, making and deleting them, whatever their kind."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from intermodal.storage.state.dicts import store
from intermodal.storage.state.requests import Reply, RequestError
from intermodal.storage.state.transaction import Transaction

__all__ = ["EPHEMERAL", "PREFIX", "Close", "Create", "Delete", "Kind", "List"]

Kind = Literal["queue", "dict"]
PREFIX: dict[Kind, str] = {"queue": "qu-", "dict": "di-"}
EPHEMERAL = "eph-"  #: follows the kind's prefix in the id of an ephemeral one


@dataclass(frozen=True, slots=True)
class Create:
    """Find the object of a name, or make it; `name` None makes an ephemeral one. `data` is for a dict made now."""

    kind: Kind
    name: str | None
    environment: str
    create_if_missing: bool
    data: Sequence[tuple[bytes, bytes]] = ()

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.execute(
            "SELECT token FROM objects WHERE kind = ? AND environment = ? AND name = ?",
            (self.kind, self.environment, self.name),
        ).fetchone()
        if row is not None:
            return Reply({"id": row[0], "created": False})
        if self.name is not None and not self.create_if_missing:
            raise _unknown(self.kind, self.name, self.environment)
        token = PREFIX[self.kind] + (EPHEMERAL if self.name is None else "") + secrets.token_hex(8)
        row = transaction.execute(
            "INSERT INTO objects (kind, token, environment, name, created) VALUES (?, ?, ?, ?, ?) RETURNING id",
            (self.kind, token, self.environment, self.name, time.time()),
        ).fetchone()
        store(transaction, row[0], self.data)
        return Reply({"id": token, "created": True})


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a named object and all it holds. What waits for it ends with `NotFoundError`."""

    kind: Kind
    name: str
    environment: str

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.execute(
            "SELECT id, token FROM objects WHERE kind = ? AND environment = ? AND name = ?",
            (self.kind, self.environment, self.name),
        ).fetchone()
        if row is None:
            raise _unknown(self.kind, self.name, self.environment)
        _remove(transaction, *row)
        return Reply()


@dataclass(frozen=True, slots=True)
class List:
    """The named objects of an environment, by name: what `size` counts are a dict's keys, a queue's items."""

    kind: Kind
    environment: str

    def run(self, transaction: Transaction) -> Reply:
        size = {
            "dict": "SELECT count(*) FROM entries WHERE object = objects.id",
            "queue": "SELECT coalesce(sum(length), 0) FROM queue_partitions WHERE object = objects.id",
        }[self.kind]
        rows = transaction.execute(
            f"SELECT name, created, ({size}) FROM objects WHERE kind = ? AND environment = ? AND name IS NOT NULL "
            "ORDER BY name",
            (self.kind, self.environment),
        ).fetchall()
        return Reply([{"name": name, "created": created, "size": count} for name, created, count in rows])


@dataclass(frozen=True, slots=True)
class Close:
    """Remove an ephemeral object. Idempotent."""

    token: str

    def run(self, transaction: Transaction) -> Reply:
        row = transaction.execute("SELECT id FROM objects WHERE token = ?", (self.token,)).fetchone()
        if row is not None:
            _remove(transaction, row[0], self.token)
        return Reply()


def _remove(transaction: Transaction, row: int, token: str) -> None:
    partitions = "SELECT id FROM queue_partitions WHERE object = ?"
    transaction.execute(f"DELETE FROM queue_items WHERE partition IN ({partitions})", (row,))
    for table in ("queue_partitions", "entries"):
        transaction.execute(f"DELETE FROM {table} WHERE object = ?", (row,))
    transaction.execute("DELETE FROM objects WHERE id = ?", (row,))
    transaction.deleted.add(token)


def _unknown(kind: Kind, name: str, environment: str) -> RequestError:
    return RequestError(
        "NotFoundError",
        f"there is no {kind} named {name!r} in environment {environment!r}: make it with "
        f"{kind.capitalize()}.from_name({name!r}, create_if_missing=True) or `intermodal {kind} create {name}`, or "
        "correct the name",
    )
