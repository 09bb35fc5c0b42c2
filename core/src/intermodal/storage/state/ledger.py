"""Requests carried out in groups, one transaction each, for what is in memory and for what is in the shared file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from intermodal.storage.state.lines import Lines, Ticket, Waitable
from intermodal.storage.state.neighbours import Neighbours
from intermodal.storage.state.requests import RequestError
from intermodal.storage.state.transaction import Place, Transaction

__all__ = ["Job", "Ledger", "Withdraw"]


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Answer a request that still waits as too late: its time is over, or nobody listens any more."""

    ticket: Ticket


Job = Ticket | Withdraw


class Ledger:
    """One database, and who in this process waits for a change in it. Used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, neighbours: Neighbours | None = None) -> None:
        self._connection = connection
        self._neighbours = neighbours
        self._lines = Lines()

    def transact(self, jobs: Sequence[Job], done: list[Ticket]) -> None:
        """Do all of it in one transaction. Onto `done` go the tickets that have their outcome now, some of which waited
        since before.

        The outcomes hold once this returns: committed together, or failed and undone together. Where an interrupt of
        this thread (Ctrl-C) ends it, all was undone as if nobody had asked, or what is in `done` holds.
        """
        transaction = Transaction(self._connection)
        try:
            transaction.begin()
            self._carry_out(transaction, jobs, done)
            transaction.commit()
            self._committed()
        except Exception as error:  # noqa: BLE001 - whatever it is must end the requests, not the thread
            transaction.rollback()
            self._fail(error, jobs, done)
        except BaseException:
            if self._connection.in_transaction:
                transaction.rollback()
                self._forget(jobs, done)
            else:
                self._committed()
            raise

    def close(self, error: RequestError) -> list[Ticket]:
        """Close the database; those that wait, failed with `error`."""
        waiting = self._lines.disband()
        for ticket in waiting:
            ticket.outcome = error
        try:
            if self._neighbours is not None:
                transaction = Transaction(self._connection)
                transaction.begin()
                self._neighbours.leave(transaction)
                transaction.commit()
            self._connection.close()
        except sqlite3.Error:  # what this process waited for is forgotten by the next that starts
            pass
        return waiting

    def _committed(self) -> None:
        if self._neighbours is not None:
            self._neighbours.committed()

    def _carry_out(self, transaction: Transaction, jobs: Sequence[Job], done: list[Ticket]) -> None:
        visited: set[Place] = set()
        if self._neighbours is not None:
            visited = self._neighbours.marked(transaction)
            for place in visited:
                self._lines.serve(place, transaction, done)
        for job in jobs:
            self._one(job, transaction, visited, done)
        for place in [*transaction.added, *transaction.freed, *self._lines.places(transaction.deleted)]:
            visited.add(place)
            self._lines.serve(place, transaction, done)
        if self._neighbours is not None:
            self._neighbours.tell(transaction, self._lines, visited)

    def _one(self, job: Job, transaction: Transaction, visited: set[Place], done: list[Ticket]) -> None:
        ticket = job.ticket if isinstance(job, Withdraw) else job
        request = ticket.request
        if not isinstance(request, Waitable):
            ticket.attempt(transaction)
            done.append(ticket)
            return
        place = (request.token, request.partition)
        visited.add(place)
        if isinstance(job, Withdraw):
            if self._lines.leave(ticket, request):
                ticket.outcome = request.too_late()
                done.append(ticket)
        elif request.block and self._lines.occupied(place, request.side):
            self._wait(ticket, request)  # behind those who came before
        elif ticket.attempt(transaction):
            done.append(ticket)
        elif request.block:
            self._wait(ticket, request)
        else:
            ticket.outcome = request.too_late()
            done.append(ticket)
        self._lines.serve(place, transaction, done)

    def _wait(self, ticket: Ticket, request: Waitable) -> None:
        if not ticket.at_once:
            self._lines.join(ticket, request)

    def _fail(self, error: Exception, jobs: Sequence[Job], done: list[Ticket]) -> None:
        tickets = self._leave(jobs)
        done[:] = dict.fromkeys([*tickets, *done])
        for ticket in done:
            ticket.outcome = _describe(error)

    def _forget(self, jobs: Sequence[Job], done: list[Ticket]) -> None:
        """Nothing happened: who waited still waits, at the place they had."""
        tickets = self._leave(jobs)
        for ticket in [*tickets, *done]:
            ticket.outcome = None
        self._lines.rejoin([ticket for ticket in done if ticket not in tickets])
        done.clear()

    def _leave(self, jobs: Sequence[Job]) -> list[Ticket]:
        tickets = [job for job in jobs if isinstance(job, Ticket)]
        for ticket in tickets:
            if isinstance(ticket.request, Waitable):
                self._lines.leave(ticket, ticket.request)
        return tickets


def _describe(error: Exception) -> RequestError:
    if isinstance(error, MemoryError) or getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        return RequestError(
            "ResourceExhaustedError",
            f"queues and dicts have no room: {error}. Nothing of this request was kept; make room in "
            "INTERMODAL_DATA_DIR and try again",
        )
    return RequestError(
        "BackendError",
        f"the database of queues and dicts failed: {error!r}. Nothing of this request was kept; try again",
    )
