"""Who waits in this process: for each partition of a queue, requests in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from intermodal.storage.state import queues
from intermodal.storage.state.queues import Side
from intermodal.storage.state.requests import Reply, RequestError
from intermodal.storage.state.transaction import Place, Transaction

__all__ = ["Lines", "Request", "Ticket", "Waitable"]

Waitable = queues.Put | queues.Get | queues.Iterate


class Request(Protocol):
    """Something to do in a transaction."""

    def run(self, transaction: Transaction) -> Reply | None: ...


@dataclass(slots=True, eq=False)
class Ticket:
    """A request on its way, then what became of it. `future` belongs to the event loop of who listens, if anybody.
    One `at_once` never stands in a line: where it has to wait, it is left without an outcome."""

    request: Request
    ephemeral: bool
    future: asyncio.Future[Reply] | None = None
    outcome: Reply | RequestError | None = None
    at_once: bool = False

    def attempt(self, transaction: Transaction) -> bool:
        """Try it now; False where it has to wait."""
        try:
            self.outcome = self.request.run(transaction)
        except RequestError as error:
            self.outcome = error
        return self.outcome is not None


class Lines:
    """The lines of one process. Serving them happens inside a transaction."""

    def __init__(self) -> None:
        self._lines: dict[Place, dict[Side, deque[Ticket]]] = {}

    def join(self, ticket: Ticket, request: Waitable) -> None:
        """Stand behind those that came before."""
        sides = self._lines.setdefault((request.token, request.partition), {})
        sides.setdefault(request.side, deque()).append(ticket)

    def rejoin(self, tickets: Sequence[Ticket]) -> None:
        """Stand at the front again, in this order: what ended their wait was undone."""
        for ticket in reversed(tickets):
            request = ticket.request
            if isinstance(request, Waitable):
                sides = self._lines.setdefault((request.token, request.partition), {})
                line = sides.setdefault(request.side, deque())
                if ticket not in line:
                    line.appendleft(ticket)

    def leave(self, ticket: Ticket, request: Waitable) -> bool:
        """Stop waiting; False where it does not wait (any more)."""
        place = (request.token, request.partition)
        line = self._lines.get(place, {}).get(request.side, deque())
        if ticket not in line:
            return False
        line.remove(ticket)
        self._tidy(place)
        return True

    def occupied(self, place: Place, side: Side) -> bool:
        """Does anybody wait there?"""
        return bool(self._lines.get(place, {}).get(side))

    def places(self, tokens: Iterable[str]) -> list[Place]:
        """Where somebody waits for one of these objects."""
        wanted = set(tokens)
        return [place for place in self._lines if place[0] in wanted] if wanted else []

    def serve(self, place: Place, transaction: Transaction, done: list[Ticket]) -> None:
        """Let everybody at `place` go on who can, onto `done`. Readers first: an item is seen before it is taken."""
        sides = self._lines.get(place)
        if sides is None:
            return
        before = -1
        while before != len(done):
            before = len(done)
            for ticket in list(sides.get("read", ())):
                if ticket.attempt(transaction):
                    done.append(ticket)  # first: an interrupt between the two must not lose it
                    sides["read"].remove(ticket)
            for side in ("get", "put"):
                line = sides.get(side, deque())
                while line and line[0].attempt(transaction):
                    done.append(line[0])
                    line.popleft()
        self._tidy(place)

    def disband(self) -> list[Ticket]:
        """All that wait; the lines are empty afterwards."""
        waiting = [ticket for sides in self._lines.values() for line in sides.values() for ticket in line]
        self._lines.clear()
        return waiting

    def _tidy(self, place: Place) -> None:
        sides = self._lines[place]
        for side in [side for side, line in sides.items() if not line]:
            del sides[side]
        if not sides:
            del self._lines[place]
