"""Readers that wait for lines to come, on the server's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from intermodal.server.logs.records import LogPage, LogQuery
from intermodal.server.logs.store import LogStore

__all__ = ["Following"]

#: Seconds after which a reader hears that there is nothing new, so that one who has left is noticed.
_SILENCE_S = 15.0
_PAGE = 1000


class Following:
    """Wakes readers when lines of their app are there to be read; none of them looks without need."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._loop: asyncio.AbstractEventLoop | None = None
        self._readers: dict[asyncio.Event, LogQuery] = {}
        self._closed = False

    def open(self) -> None:
        """On the loop that readers use."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Let all readers end. On the loop."""
        self._closed = True
        for event in self._readers:
            event.set()

    def written(self, apps: set[tuple[str, str]]) -> None:
        """Lines of these (environment, app) can be read now. From any thread."""
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._wake, apps)
            except RuntimeError:  # the server has ended
                pass

    def _wake(self, apps: set[tuple[str, str]]) -> None:
        environments = {environment for environment, _ in apps}
        for event, query in self._readers.items():
            if (query.environment, query.app) in apps if query.app else query.environment in environments:
                event.set()

    async def pages(self, query: LogQuery, cursor: int) -> AsyncIterator[LogPage]:
        """What comes after `cursor`, now and later, until the server ends. Pages without lines come now and then."""
        changed = asyncio.Event()
        self._readers[changed] = query
        try:
            while not self._closed:
                changed.clear()
                page = await run_in_threadpool(self._store.after, query, cursor, _PAGE)
                cursor = page.cursor
                if page.lines or page.gap:
                    yield page
                if page.more:
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), _SILENCE_S)
                except TimeoutError:
                    yield LogPage(lines=(), cursor=cursor, more=False)
        finally:
            del self._readers[changed]
