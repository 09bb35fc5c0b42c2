"""One request as an ASGI app meets it: `receive` and `send`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from intermodal.client.api import Reply, current
from intermodal.client.completion import Completion
from intermodal.guest.session import Session
from intermodal.specs.status import ITEM
from intermodal.wire.events import MAX_BODY, Event, decode, encode

__all__ = ["Credit", "Exchange"]

#: Waits until an attempt may send so many items and one more; ends early where it is cancelled.
Credit = Callable[[int, int], Awaitable[None]]
#: The host always has room for this many items.
_FREE = 1


class Exchange:
    """On the container's loop.

    Args:
        scope: of the request; what is ours is taken out of it.
        events: what came with it.
    """

    def __init__(self, session: Session, attempt: int, credit: Credit, scope: Event, events: Sequence[Event]) -> None:
        self._session = session
        self._attempt = attempt
        self._credit = credit
        self._is_socket = scope["type"] == "websocket"
        self._feed: str | None = scope.pop("intermodal.feed", None)
        self._events = deque(events)
        self._asked: Completion[Reply] | None = None
        self._taken = 0
        self._sent = 0
        self._head: Event | None = None
        self._begun = False  #: the response, or the acceptance of a WebSocket
        self._over = False

    # ---- what comes -------------------------------------------------------------------------------------------------

    async def receive(self) -> Event:
        """The next event. After the last it waits until the request is cancelled: a client that leaves does that."""
        while not self._events:
            if self._feed is None:
                await asyncio.get_running_loop().create_future()
            await self._more()
        return self._events.popleft()

    async def _more(self) -> None:
        asked = self._asked or self._ask()
        if not asked.done:
            await asked.wait_async()
        self._asked = None
        payloads = asked.result().segments
        self._taken += len(payloads)
        for payload in payloads:
            self._events.extend(decode(payload))
        last = self._events[-1]
        if last["type"] == "websocket.disconnect" or not last.get("more_body", self._is_socket):
            self._feed = None
        else:
            self._asked = self._ask()

    def _ask(self) -> Completion[Reply]:
        return current().request("web.receive", {"feed": self._feed, "taken": self._taken})

    # ---- what goes --------------------------------------------------------------------------------------------------

    async def send(self, event: Event) -> None:
        """Send an event. It waits while the client does not read."""
        kind = event["type"]
        if self._over:
            raise RuntimeError(f"{kind!r} after the response was complete")
        if kind == "http.response.start":
            if self._begun:
                raise RuntimeError("the response has begun already")
            self._begun = True
            self._head = event
            # Most often a body follows at once, and the two make one item.
            asyncio.get_running_loop().call_soon(self._send_head)
        elif kind == "http.response.body":
            if not self._begun:
                raise RuntimeError("the response has not begun: send 'http.response.start' first")
            await self._body(event)
        else:
            self._begun = True
            denied = kind == "websocket.http.response.body" and not event.get("more_body", False)
            self._over = kind == "websocket.close" or denied
            await self._credit(self._attempt, self._sent)
            self._add([event])

    async def _body(self, event: Event) -> None:
        body, more = event.get("body", b""), bool(event.get("more_body", False))
        view = memoryview(body)
        for start in range(0, max(len(view), 1), MAX_BODY):
            piece = bytes(view[start : start + MAX_BODY])
            going_on = more or start + MAX_BODY < len(view)
            if self._sent >= _FREE:
                await self._credit(self._attempt, self._sent)
            self._over = not going_on
            head, self._head = self._head, None
            part = {"type": "http.response.body", "body": piece, "more_body": going_on}
            self._add([part] if head is None else [head, part])

    def _send_head(self) -> None:
        head, self._head = self._head, None
        if head is not None:
            self._add([head])

    def _add(self, events: Sequence[Event]) -> None:
        self._sent += 1
        self._session.results.put(self._attempt, ITEM, encode(events))
        asyncio.get_running_loop().call_soon(self._session.results.flush)

    # ---- the end ----------------------------------------------------------------------------------------------------

    async def finish(self) -> None:
        """The app has returned. Raises `RuntimeError` where it has left its response unfinished."""
        self._send_head()
        if self._is_socket and not self._over:
            await self.send({"type": "websocket.close", "code": 1000})
        elif not self._over:
            raise RuntimeError("the app returned before its response was complete")

    async def fail(self) -> bool:
        """The app has failed: tell the client where that is still possible."""
        if self._over or (self._begun and not self._is_socket):
            return self._over
        if self._is_socket:
            await self.send({"type": "websocket.close", "code": 1011})
            return True
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": b"Internal Server Error"})
        return True

    def close(self) -> None:
        """Nobody waits for more of the request."""
        self._head = None
        if self._asked is not None and not self._asked.done:
            self._asked.abandon()
