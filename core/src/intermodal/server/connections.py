"""Connections of clients: each carries a visit, which outlives one that breaks, for a lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect

from intermodal.driver.channel import MALFORMED
from intermodal.exception import VersionError
from intermodal.server.admission import Admission, token_of
from intermodal.server.leaving import Leave
from intermodal.server.outbox import Outbox, Stalled
from intermodal.server.visit import Visit
from intermodal.wire.frame import FrameError
from intermodal.wire.resumption import UNKNOWN, Claim, acknowledgement, claim_in, count_in

__all__ = ["Connections"]

#: Seconds for a client to take in why the server hangs up.
_LAST_WORDS_S = 5.0
_REVOKED = (
    "the token that opened this connection has been revoked: `intermodal token create NAME`, where the server runs, "
    "gives another"
)
#: With which a WebSocket is closed (RFC 6455's registry): by a client that is done, and that another has taken the
#: place of; by the server where the client is too slow.
_DONE, _REPLACED, _TRY_AGAIN_LATER = 1000, 1008, 1013

#: What writing to a connection raises that has ended.
_GONE = (WebSocketDisconnect, RuntimeError)


@dataclass(eq=False)
class _Held:
    """A visit: its present connection, or the lease that runs since it has none."""

    visit: Visit
    token: str  # the digest of the one that opened the present connection, or ""
    carrying: asyncio.Task[bool] | None = None
    leave: Leave | None = None

    def carried(self, _: asyncio.Task[bool]) -> None:
        """Its present connection has ended."""
        self.carrying = None


class Connections:
    """On the server's loop.

    Args:
        admission: who may connect.
        visit: makes one, of a client whose name is given.
        lease_s: seconds that a visit lasts without a connection.
    """

    def __init__(self, admission: Admission, visit: Callable[[Outbox, str], Visit], lease_s: float) -> None:
        self._admission = admission
        self._visit = visit
        self._lease_s = lease_s
        self._held: dict[str, _Held] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, until it ends."""
        author, refusal = await self._admission.admit(socket)
        await socket.accept()
        if refusal is not None:
            outbox = Outbox()
            outbox.put({"t": "refused", "error": "ConnectionError", "message": refusal})
            outbox.close()
            with suppress(*_GONE):
                await _send(socket, outbox)
            return
        try:
            first = await _next(socket)
        except _Broken:
            return
        if isinstance(first, str):
            await self._take_up(socket, first, author)
        elif first is not None:
            visit = self._visit(Outbox(), author)
            held = self._held[visit.stream] = _Held(visit, token_of(socket))
            await self._attend(held, socket, first)

    async def _take_up(self, socket: WebSocket, text: str, author: str) -> None:
        try:
            claim = claim_in(text)
        except FrameError:
            with suppress(*_GONE):
                await socket.close()
            return
        held = self._held.get(claim.stream)
        while held is not None and held.carrying is not None:  # who comes later may know that it has ended
            held.carrying.cancel()
            await asyncio.wait({held.carrying})
            held = self._held.get(claim.stream)
        if held is None or held.visit.outbox.closed or held.visit.author != author:
            with suppress(*_GONE):
                await socket.send_text(UNKNOWN)
                await socket.close()
            return
        held.token = token_of(socket)
        await self._attend(held, socket, claim)

    async def _attend(self, held: _Held, socket: WebSocket, first: bytes | Claim) -> None:
        if held.leave is not None:
            held.leave.cancel()
            held.leave = None
        carrying = held.carrying = asyncio.create_task(_carry(socket, held.visit, first))
        carrying.add_done_callback(held.carried)
        try:
            done = await asyncio.shield(carrying)
        except asyncio.CancelledError:
            if not carrying.cancelled():  # the server ends
                carrying.cancel()
                raise
            with suppress(*_GONE):
                await socket.close(code=_REPLACED, reason="another connection has taken its place")
        except BaseException:
            self._over(held)
            raise
        else:
            self._ended(held, done)

    def _ended(self, held: _Held, done: bool) -> None:
        """A connection of it has."""
        if done:
            self._over(held)
        elif held.carrying is None:  # nobody was quicker
            held.leave = Leave(held.visit.process, self._lease_s, lambda: self._over(held))

    def _over(self, held: _Held) -> None:
        """The client does not come back."""
        self._held.pop(held.visit.stream, None)
        task = asyncio.get_running_loop().create_task(held.visit.close())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def tokens(self) -> set[str]:
        """Those of the clients."""
        return {held.token for held in self._held.values()} - {""}

    def revoked(self, token: str) -> None:
        """Let go of the clients that have this one."""
        for held in [each for each in self._held.values() if each.token == token]:
            held.visit.refuse("ConnectionError", _REVOKED)
            if held.leave is not None:
                held.leave.cancel()
                self._over(held)

    async def close(self) -> None:
        """The server ends: so do all visits."""
        for held in list(self._held.values()):
            if held.leave is not None:
                held.leave.cancel()
            self._over(held)
        await asyncio.gather(*self._ending, return_exceptions=True)


async def _carry(socket: WebSocket, visit: Visit, first: bytes | Claim) -> bool:
    """Messages both ways until the connection ends; True: for good."""
    if isinstance(first, Claim):
        try:
            await socket.send_text(acknowledgement(visit.received.total))
            visit.outbox.acknowledged(first.received)
        except _GONE:
            return False
        except FrameError as error:
            visit.cut(str(error))
    sending = asyncio.create_task(_send(socket, visit.outbox))
    receiving = asyncio.create_task(_receive(socket, visit, first if isinstance(first, bytes) else None))
    try:
        await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
        # Where the connection broke, the client may have said before that it is done. One that reads nothing is not
        # waited for, though it may go on writing.
        patient = visit.outbox.closed or (sending.done() and sending.exception() is not None)
        await asyncio.wait({receiving, sending}, timeout=_LAST_WORDS_S if patient else 0)
    finally:
        for task in (receiving, sending):
            task.cancel()
        await asyncio.gather(receiving, sending, return_exceptions=True)
    done = not receiving.cancelled() and receiving.result()
    return done or visit.outbox.closed


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    async def write(message: bytes | str) -> None:
        await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))

    try:
        await outbox.send(write)
    except Stalled as stalled:
        await socket.close(code=_TRY_AGAIN_LATER, reason=str(stalled))
    else:
        await socket.close()


async def _receive(socket: WebSocket, visit: Visit, first: bytes | None) -> bool:
    """True: the client is done."""
    try:
        message: bytes | str | None = first
        while True:
            if isinstance(message, str):
                visit.outbox.acknowledged(count_in(message))
            elif message is not None:
                visit.message(message)
            message = await _next(socket)
            if message is None:
                return True
    except _Broken:
        return False
    except VersionError as error:
        visit.refuse("VersionError", str(error))
    except MALFORMED as error:
        visit.cut(f"{type(error).__name__}: {error}")
    return False


class _Broken(Exception):
    """The connection has ended, and not because the client is done."""


async def _next(socket: WebSocket) -> bytes | str | None:
    """What comes next; None: the client is done. Raises `_Broken`."""
    try:
        event = await socket.receive()
    except RuntimeError:  # it was closed at this end
        raise _Broken from None
    if event["type"] == "websocket.disconnect":
        if event.get("code") == _DONE:
            return None
        raise _Broken
    text: str | None = event.get("text")
    return event["bytes"] if text is None else text
