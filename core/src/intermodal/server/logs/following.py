"""Readers that wait for lines to come, on the server's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from intermodal.server.logs.records import LogPage, LogQuery
from intermodal.server.logs.store import LogStore

__all__ = ["Following"]

#: Seconds after which a reader hears that there is nothing new, so that one who has left is noticed.
_SILENCE_S = 15.0
_PAGE = 1000


@dataclass(eq=False)
class _Reader:
    """`token` is the digest of the one that it came with, or ""."""

    query: LogQuery
    token: str
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def end(self) -> None:
        self.over = True
        self.changed.set()


class Following:
    """Wakes readers when lines of their app are there to be read; none of them looks without need."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._readers: set[_Reader] = set()
        self._closed = False

    def open(self) -> None:
        """On the loop that readers use."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Let all readers end. On the loop."""
        self._closed = True
        for reader in self._readers:
            reader.end()

    def tokens(self) -> set[str]:
        """Those that readers came with."""
        return {reader.token for reader in self._readers} - {""}

    def revoked(self, token: str) -> None:
        """Let the readers end that came with this one. On the loop."""
        for reader in self._readers:
            if reader.token == token:
                reader.end()

    def written(self, apps: set[tuple[str, str]]) -> None:
        """Lines of these (environment, app) can be read now. From any thread."""
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._wake, apps)
            except RuntimeError:  # the server has ended
                pass

    def _wake(self, apps: set[tuple[str, str]]) -> None:
        environments = {environment for environment, _ in apps}
        for reader in self._readers:
            query = reader.query
            if (query.environment, query.app) in apps if query.app else query.environment in environments:
                reader.changed.set()

    async def pages(self, query: LogQuery, cursor: int, token: str = "") -> AsyncIterator[LogPage]:
        """What comes after `cursor`, now and later, until the server ends or `token` is revoked. Pages without lines
        come now and then."""
        reader = _Reader(query, token, over=self._closed)
        self._readers.add(reader)
        try:
            while not reader.over:
                reader.changed.clear()
                page = await run_in_threadpool(self._store.after, query, cursor, _PAGE)
                cursor = page.cursor
                if page.lines or page.gap:
                    yield page
                if page.more:
                    continue
                try:
                    await asyncio.wait_for(reader.changed.wait(), _SILENCE_S)
                except TimeoutError:
                    yield LogPage(lines=(), cursor=cursor, more=False)
        finally:
            self._readers.discard(reader)
