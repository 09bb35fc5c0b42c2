"""Waking other engines on this host: who waits for what stands in the database, and a poke says "look there"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from intermodal.storage.pokes import Pokes
from intermodal.storage.state.lines import Lines
from intermodal.storage.state.queues import Side
from intermodal.storage.state.transaction import Place, Transaction

__all__ = ["Neighbours"]

Want = Literal["items", "room"]
_SIDES: dict[Want, tuple[Side, ...]] = {"items": ("get", "read"), "room": ("put",)}
_OTHERS = "process != ? AND object = ?"
_THERE = f"{_OTHERS} AND partition = ? AND want = ?"


class Neighbours:
    """The other processes that share the database, as seen from inside a transaction.

    A process that has to wait notes that in the very transaction in which it found nothing, so no change slips through.
    Whoever brings the change marks the note and pokes that process before it commits: the poked one waits for the lock,
    so it sees the change, and a kill between the two costs one look in vain rather than a wake-up.
    """

    def __init__(self, pokes: Pokes) -> None:
        self._pokes = pokes
        self._noted: set[tuple[Place, Want]] = set()
        self._staged: set[tuple[Place, Want]] = set()
        self.poked = False  #: the next transaction looks for what others marked

    def arrive(self, transaction: Transaction) -> None:
        """Remove what processes that are no more waited for."""
        known = {name for (name,) in transaction.execute("SELECT DISTINCT process FROM waiting").fetchall()}
        self._forget(transaction, known - self._pokes.living())

    def leave(self, transaction: Transaction) -> None:
        """This process waits no longer."""
        self._forget(transaction, [self._pokes.name])

    def marked(self, transaction: Transaction) -> set[Place]:
        """Places where something changed for this process."""
        self._staged = set(self._noted)
        if not self.poked:
            return set()
        rows = transaction.execute(
            "DELETE FROM waiting WHERE process = ? AND woken RETURNING object, partition, want", (self._pokes.name,)
        ).fetchall()
        self._staged -= {((token, partition), want) for token, partition, want in rows}
        return {(token, partition) for token, partition, _ in rows}

    def tell(self, transaction: Transaction, lines: Lines, visited: Iterable[Place]) -> None:
        """Note for what this process waits now, and wake those who can go on."""
        for place in visited:
            for want in _SIDES:
                self._note(transaction, lines, place, want)
        woken = set[str]()
        for places, want in ((transaction.added, "items"), (transaction.freed, "room")):
            for place in places:
                woken.update(self._mark(transaction, _THERE, *place, want))
        for token in transaction.deleted:
            woken.update(self._mark(transaction, _OTHERS, token))
        if woken:
            self._forget(transaction, [name for name in woken if not self._pokes.poke(name)])

    def committed(self) -> None:
        """What was noted holds."""
        self._noted = self._staged
        self.poked = False

    def _mark(self, transaction: Transaction, where: str, *what: str) -> list[str]:
        """The other processes that wait there. Mostly there are none: an UPDATE that returns its rows would cost more
        than all else that a put does."""
        key = (self._pokes.name, *what)
        found = [name for (name,) in transaction.execute(f"SELECT process FROM waiting WHERE {where}", key)]
        if found:
            transaction.execute(f"UPDATE waiting SET woken = 1 WHERE {where}", key)
        return found

    def _note(self, transaction: Transaction, lines: Lines, place: Place, want: Want) -> None:
        waits = any(lines.occupied(place, side) for side in _SIDES[want])
        if waits == ((place, want) in self._staged):
            return
        if waits:
            transaction.execute("INSERT INTO waiting VALUES (?, ?, ?, ?, 0)", (*place, want, self._pokes.name))
            self._staged.add((place, want))
        else:
            transaction.execute(
                "DELETE FROM waiting WHERE object = ? AND partition = ? AND want = ? AND process = ?",
                (*place, want, self._pokes.name),
            )
            self._staged.discard((place, want))

    def _forget(self, transaction: Transaction, names: Iterable[str]) -> None:
        transaction.executemany("DELETE FROM waiting WHERE process = ?", ((name,) for name in names))
