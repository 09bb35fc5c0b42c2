"""HTTP at a port that strangers reach: uvicorn's protocol with bounds on a request's head, and news of clients that
leave."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from intermodal.gateway.requests import LEAVING, LEFT, Leaving

__all__ = ["HEAD_S", "HttpProtocol"]

#: Bytes that the head of a request may have.
_MAX_HEAD = 64 << 10
#: Seconds that it may take, from the connection or from its first byte.
HEAD_S = 20.0


class HttpProtocol(HttpToolsProtocol):
    """Takes no request whose head has no end, of which the parser itself would keep all, or that takes for ever.

    Says when its client leaves, to who asks for that under `LEAVING` in a request's scope; else each request would need
    a task that waits for it.
    """

    _in_head = False
    _head = 0
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._leaving: Leaving = {}
        super().connection_made(transport)
        self._limit = self.loop.call_later(HEAD_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lift_limit()
        super().connection_lost(exc)
        waiting = list(self._leaving.values())
        self._leaving[LEFT] = lambda: None
        for left in waiting:
            left()

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()
        self.scope[LEAVING] = self._leaving  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._lift_limit()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head += len(data)
            if self._head > _MAX_HEAD:
                self.send_400_response("The head of the request is too large.")
            elif self._limit is None:
                self._limit = self.loop.call_later(HEAD_S, self._give_up)

    def _lift_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _give_up(self) -> None:
        self._limit = None
        if self._in_head and not self.transport.is_closing():
            self.send_400_response("The head of the request has taken too long.")
        else:
            self.transport.close()
