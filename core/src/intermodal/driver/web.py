"""Requests to web functions, as the driver sees them: calls whose inputs are events, and what of a request comes later,
which its container asks for as it needs it (web.kinds)."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from intermodal.client.completion import Completion
from intermodal.exception import CapabilityNotSupported, ContainerLostError, InvalidError, NotFoundError
from intermodal.specs import FunctionSpec
from intermodal.wire.events import is_events

__all__ = ["Feed", "Web", "check_requests"]

#: Bytes of events that wait for a container; whoever brings more waits, too.
_ROOM = 512 << 10


def check_requests(function: str, inputs: Sequence[Any]) -> None:
    """Raises `InvalidError` where a web function is called as if it were another."""
    if not all(map(is_events, inputs)):
        raise InvalidError(
            f"{function!r} is a web function: send requests to its URL, which .get_web_url() tells; .local() calls it "
            "here"
        )


class Feed:
    """Events of one request on their way to its container. From any thread and loop, with one giver and one taker.

    Its `token` travels with the request, so that nobody but the request's container can ask for them.
    """

    def __init__(self, forget: Callable[[str], None]) -> None:
        self.token = secrets.token_hex(16)
        self._forget = forget
        self._gate = Lock()
        self._events: deque[bytes] = deque()
        self._size = 0
        self._taken = 0
        self._waiting: Completion[None] | None = None
        self._closed = False

    def put(self, events: bytes) -> None:
        """More events, as a payload. Ask `room` before the next."""
        with self._gate:
            self._events.append(events)
            self._size += len(events)
        self._wake()

    async def room(self) -> None:
        """Wait until there is room for more, or the feed is closed."""
        await self._until(lambda: self._size < _ROOM)

    async def take(self, taken: int) -> list[bytes]:
        """The payloads that are there, for who has taken so many; waits for one.

        Raises:
            ContainerLostError: another has taken some, so that the request cannot begin again.
            NotFoundError: the request has ended.
        """
        if taken != self._taken:
            raise ContainerLostError("the container that has read a part of this request is gone")
        await self._until(lambda: bool(self._events))
        with self._gate:
            if not self._events:
                raise NotFoundError("the request has ended")
            payloads = list(self._events)
            self._events.clear()
            self._size = 0
            self._taken += len(payloads)
        self._wake()
        return payloads

    def close(self) -> None:
        """The request has ended."""
        self._forget(self.token)
        with self._gate:
            self._closed = True
            self._events.clear()
            self._size = 0
        self._wake()

    async def _until(self, ready: Callable[[], bool]) -> None:
        while True:
            with self._gate:
                if ready() or self._closed:
                    return
                # Giver and taker never wait both: one wants room where there are many events, one any where are none.
                waiting: Completion[None] = Completion()
                self._waiting = waiting
            await waiting.wait_async()

    def _wake(self) -> None:
        with self._gate:
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set(None)


class Web:
    """Of one session. `urls` are those of web methods by function's key and method, where requests can come in."""

    def __init__(self) -> None:
        self.urls: Mapping[tuple[str, str], str] | None = None
        self._feeds: dict[str, Feed] = {}

    def open_feed(self) -> Feed:
        """For one more request. From any thread."""
        feed = Feed(self._forget)
        self._feeds[feed.token] = feed
        return feed

    def _forget(self, token: str) -> None:
        self._feeds.pop(token, None)

    def feed(self, token: str) -> Feed:
        """Raises `NotFoundError`."""
        found = self._feeds.get(token)
        if found is None:
            raise NotFoundError("the request has ended")
        return found

    def url(self, function: FunctionSpec, method: str) -> str | None:
        """Where a method takes requests; None: it is no web function. Raises `CapabilityNotSupported`."""
        if all(each.web is None for each in function.methods if each.name == method):
            return None
        if self.urls is None:
            hint = f"{function.name!r} needs the extra server to take requests: pip install 'intermodal[server]'"
            raise CapabilityNotSupported("web", hint=hint)
        return self.urls.get((function.key, method))
