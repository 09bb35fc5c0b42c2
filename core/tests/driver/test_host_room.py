"""Sessions of one host ask each other for room (scale.resources)."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from intermodal.driver.host_room import HostRoom
from intermodal.specs import Resources

PATIENCE_S = 60.0


class Session:
    """One that has so many idle cores, and its place among the others."""

    def __init__(self, data_dir: Path, idle: float) -> None:
        self.idle = idle
        self.gave: list[float] = []
        self.room = HostRoom(asyncio.get_running_loop(), data_dir, self._left_over, self._give)

    def _left_over(self, wanted: Resources) -> Resources:
        return Resources(cpu=max(0.0, wanted.cpu - self.idle), memory=wanted.memory)

    def _give(self, wanted: Resources) -> None:
        given = min(self.idle, wanted.cpu)
        self.gave.append(given)
        self.idle -= given


def cores(count: float) -> Resources:
    """So many, and nothing else."""
    return Resources(cpu=count, memory=0)


async def until(true: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.001)


def test_those_who_have_idle_containers_give_what_is_lacking_between_them(tmp_path: Path) -> None:
    """Three cores are asked for: one session gives two, another the third, and a third one keeps its own."""

    async def scenario() -> None:
        asker = Session(tmp_path, idle=0)
        others = [Session(tmp_path, idle=2) for _ in range(3)]
        asker.room.ask(cores(3))
        await until(lambda: sum(other.idle for other in others) == 3)
        asker.room.ask(cores(1.5))  # whoever answers this has seen all that came before
        await until(lambda: sum(other.idle for other in others) == 1.5)
        assert not asker.gave
        for each in (asker, *others):
            each.room.close()

    asyncio.run(scenario())


def test_asking_again_counts_once(tmp_path: Path) -> None:
    """An ask that nobody could help with is replaced by the next one for the same."""

    async def scenario() -> None:
        asker, busy = Session(tmp_path, idle=0), Session(tmp_path, idle=0)
        asker.room.ask(cores(1))
        asker.room._asked.clear()  # as if some time had passed
        asker.room.ask(cores(1))
        busy.idle = 4
        asker.room.ask(cores(0.5))
        await until(lambda: busy.idle == 2.5)
        asker.room.close()
        busy.room.close()
        assert not list((tmp_path / "room" / "asks").iterdir())
        assert not list((tmp_path / "room" / "sessions").iterdir())

    asyncio.run(scenario())


def test_old_and_broken_asks_count_for_nothing(tmp_path: Path) -> None:
    """What a session asked that was killed since, or a file of no use."""

    async def scenario() -> None:
        asker, other = Session(tmp_path, idle=0), Session(tmp_path, idle=8)
        asks = tmp_path / "room" / "asks"
        (asks / "1-dead.x").write_text('{"type": "Resources"')
        (asks / "1-dead.y").write_text("[]")
        asker.room._post("1-dead.z", cores(4))
        os.utime(asks / "1-dead.z", (time.time() - 60, time.time() - 60))
        asker.room.ask(cores(1))
        await until(lambda: other.idle < 8)
        assert other.gave == [1]
        assert not (asks / "1-dead.z").exists()
        asker.room.close()
        other.room.close()

    asyncio.run(scenario())
