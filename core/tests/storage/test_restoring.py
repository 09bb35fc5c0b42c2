"""Items that come back to a queue: to their own places, and to no others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from intermodal.storage import RequestError, StateService


def test_items_come_back_to_their_places_once(tmp_path: Path) -> None:
    """Invented places, later ones, and those that something has are refused (queue.*)."""

    async def scenario() -> None:
        service = StateService(tmp_path)
        created = await service.handle("queue.create", {"name": "q", "create_if_missing": True})
        queue = {"id": created.value["id"]}
        await service.handle("queue.put", queue, [b"1", b"2", b"3"])
        taken = await service.handle("queue.get", {**queue, "n": 2})
        given = {**queue, "places": taken.value}
        for places in ([taken.value[0], 1000], [taken.value[0], taken.value[1] + 1], [1, 1], [0, 1], [1], None):
            with pytest.raises(RequestError, match="InvalidError"):
                await service.handle("queue.restore", {**queue, "places": places}, taken.segments)
        await service.handle("queue.restore", given, taken.segments)
        with pytest.raises(RequestError, match="once and to their own places"):
            await service.handle("queue.restore", given, taken.segments)
        everything = await service.handle("queue.get", {**queue, "n": 9})
        assert list(everything.segments) == [b"1", b"2", b"3"]
        await service.close()

    asyncio.run(scenario())
