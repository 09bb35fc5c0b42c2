"""Readers that wait for lines."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from intermodal.plugins import LogLine
from intermodal.server.logs import Following, LogStore, open_logs
from intermodal.server.logs.records import LogQuery

LINE = LogLine(app="shop", function="sell", container="c-1", stream=1, text="hello", at=0.0)


def test_who_came_with_a_revoked_token_reads_no_more(tmp_path: Path, database_url: str) -> None:
    """Others do, and hear the line that comes next."""
    store = LogStore(open_logs(tmp_path, database_url))
    environment = f"main-{time.monotonic_ns()}"
    query = LogQuery(environment=environment, app="shop")

    async def read(following: Following, token: str) -> list[str]:
        async for page in following.pages(query, 0, token):
            if page.lines:
                return [line.text for line in page.lines]
        return []

    async def scenario() -> None:
        following = Following(store)
        following.open()
        async with asyncio.timeout(60):
            readers = [asyncio.create_task(read(following, token)) for token in ("good", "bad", "bad", "")]
            while following.tokens() != {"good", "bad"}:
                await asyncio.sleep(0)
            following.revoked("bad")
            assert await asyncio.gather(*readers[1:3]) == [[], []]
            assert following.tokens() == {"good"}
            store.append([(environment, LINE)])
            following.written({(environment, "shop")})
            assert await asyncio.gather(readers[0], readers[3]) == [["hello"], ["hello"]]
            following.close()
            assert await read(following, "good") == []

    asyncio.run(scenario())
    store.close()
