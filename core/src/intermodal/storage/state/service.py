"""Queues and dicts for one engine: named ones in the file that engines share, ephemeral ones in memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intermodal.storage.state.ledger import Job, Ledger, Withdraw
from intermodal.storage.state.lines import Request, Ticket, Waitable
from intermodal.storage.state.methods import parse
from intermodal.storage.state.objects import EPHEMERAL, PREFIX, Close, Create
from intermodal.storage.state.queues import Restore, Taken
from intermodal.storage.state.requests import Reply, RequestError, closing
from intermodal.storage.state.schema import connect_memory
from intermodal.storage.state.writer import Writer

__all__ = ["StateService"]

_EPHEMERAL = tuple(prefix + EPHEMERAL for prefix in PREFIX.values())


class StateService:
    """Answers the requests `queue.*` and `dict.*`: `handle` on one event loop, which it never makes wait for another
    process or the disk, and `at_once` on any thread.

    Both kinds follow the same code over SQLite. What a reply acknowledges survives the death of any process for a named
    object; an ephemeral one ends with `close`, with its owner, or with this process, however that dies.
    """

    def __init__(self, data_dir: Path) -> None:
        """Nothing is opened before the first request that needs it."""
        self._data_dir = data_dir
        self._memory: Ledger | None = None
        self._memory_turn = threading.Lock()
        self._writer: Writer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owned: dict[str, list[str]] = {}
        self._closed = False

    async def handle(
        self, method: str, params: Mapping[str, Any], segments: Sequence[bytes] = (), *, owner: str = ""
    ) -> Reply:
        """Answer one request; one that blocks takes as long as it has to.

        Cancelling it is safe: what waits is withdrawn, and items already taken go back to where they were.

        Args:
            method, params, segments: as the client sent them; nothing in them is trusted.
            owner: who asks. An ephemeral object that is created ends at `release_owner(owner)`.

        Raises:
            RequestError: the request failed; its `error` names a class of `intermodal.exception`.
        """
        request = parse(method, params, segments)
        reply = await self._answer(request, _is_ephemeral(request, params))
        if owner and isinstance(request, Create) and request.name is None:
            self._owned.setdefault(owner, []).append(reply.value["id"])
        return reply

    def at_once(self, method: str, params: Mapping[str, Any], segments: Sequence[bytes] = ()) -> Reply | None:
        """As `handle`, on the caller's thread; None, with nothing done, where that would have to wait for anybody."""
        request = parse(method, params, segments)
        return self._try(request, _is_ephemeral(request, params))

    async def release_owner(self, owner: str) -> None:
        """End the ephemeral objects that `owner` created. Idempotent."""
        for token in self._owned.pop(owner, ()) if not self._closed else ():
            await self._answer(Close(token), ephemeral=True)

    async def close(self) -> None:
        """End: what waits fails with `ConnectionError`, what is ephemeral is gone. Idempotent."""
        waiting, writer = self._end()
        self._deliver(waiting)
        if writer is not None:
            await asyncio.to_thread(writer.close)

    def close_from_thread(self) -> None:
        """As `close`, from another thread than the event loop's, also while the interpreter ends."""
        waiting, writer = self._end()
        self._deliver_from_thread(waiting)
        if writer is not None:
            writer.close()

    def _end(self) -> tuple[list[Ticket], Writer | None]:
        with self._memory_turn:
            self._closed = True
            memory, self._memory = self._memory, None
            waiting = [] if memory is None else memory.close(closing())
        writer, self._writer = self._writer, None
        return waiting, writer

    def _try(self, request: Request, ephemeral: bool) -> Reply | None:
        if self._closed:
            raise closing()
        ticket = Ticket(request, ephemeral, at_once=True)
        try:
            if ephemeral:
                self._in_memory(ticket)
            elif self._writer is None or not self._writer.now(ticket):
                return None
        except BaseException:  # an interrupt: nobody gets the answer
            self._put_back(ticket)
            raise
        if isinstance(ticket.outcome, RequestError):
            raise ticket.outcome
        return ticket.outcome

    async def _answer(self, request: Request, ephemeral: bool) -> Reply:
        self._loop = loop = asyncio.get_running_loop()
        reply = self._try(request, ephemeral)
        if reply is not None:
            return reply
        future: asyncio.Future[Reply] = loop.create_future()
        ticket = Ticket(request, ephemeral, future)
        timer = None
        if isinstance(request, Waitable) and request.block and request.timeout is not None:
            timer = loop.call_later(request.timeout, self._submit, Withdraw(ticket))
        self._submit(ticket)
        try:
            return await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._submit(Withdraw(ticket))
            else:
                self._put_back(ticket)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _submit(self, job: Job) -> None:
        if self._closed:
            return
        ticket = job.ticket if isinstance(job, Withdraw) else job
        if ticket.ephemeral:
            self._in_memory(job)
        else:
            if self._writer is None:
                self._writer = Writer(self._data_dir, self._deliver_from_thread)
            self._writer.submit(job)

    def _in_memory(self, job: Job) -> None:
        done: list[Ticket] = []
        try:
            with self._memory_turn:
                if self._closed:
                    raise closing()
                if self._memory is None:
                    self._memory = Ledger(connect_memory())
                self._memory.transact([job], done)
        finally:
            self._deliver_from_thread(done)

    def _deliver_from_thread(self, tickets: list[Ticket]) -> None:
        awaited = [ticket for ticket in tickets if ticket.future is not None]
        if awaited and self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._deliver, awaited)
            except RuntimeError:  # the loop is closed: nobody waits any more
                pass

    def _deliver(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            future, outcome = ticket.future, ticket.outcome
            if future is None or outcome is None:
                continue
            if future.done():  # cancelled: nobody listens
                self._put_back(ticket)
            elif isinstance(outcome, RequestError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _put_back(self, ticket: Ticket) -> None:
        taken = ticket.outcome
        if isinstance(taken, Taken):
            self._submit(Ticket(Restore(taken.token, taken.partition, taken.rows), ticket.ephemeral))


def _is_ephemeral(request: Request, params: Mapping[str, Any]) -> bool:
    """Of a request and its checked parameters: by id where there is one, else by being made without a name."""
    token = params.get("id")
    return isinstance(request, Create) and request.name is None if token is None else token.startswith(_EPHEMERAL)
