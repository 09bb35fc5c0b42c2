"""What a client asks about schedules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from intermodal.server.schedules.runner import Schedules
from intermodal.server.schedules.slots import in_words
from intermodal.server.schedules.table import Key

__all__ = ["ScheduleRequests"]


class ScheduleRequests:
    """Of one client.

    Args:
        where: the environment that a request is about; raises `NotFoundError` where there is none.
    """

    def __init__(self, schedules: Schedules, where: Callable[[dict[str, Any]], str]) -> None:
        self._schedules = schedules
        self._where = where
        self.methods = {
            "schedule.list": self._list,
            "schedule.runs": self._runs,
            "schedule.run": self._run,
            "schedule.pause": self._pause,
            "schedule.resume": self._resume,
        }

    async def _list(self, params: dict[str, Any], _: Sequence[bytes]) -> list[dict[str, Any]]:
        rows = []
        for schedule, following in self._schedules.all(self._where(params)):
            runs = await self._schedules.runs(schedule.key)
            rows.append(
                {
                    **schedule.key.columns(),
                    "when": in_words(schedule.spec),
                    "paused": schedule.paused,
                    "next": following,
                    "last": dataclasses.asdict(runs[0]) if runs else None,
                }
            )
        return rows

    async def _runs(self, params: dict[str, Any], _: Sequence[bytes]) -> list[dict[str, Any]]:
        key = self._key(params)
        runs = await self._schedules.runs(key)
        if not runs:  # of one that is gone they are kept
            self._schedules.check(key)
        return [dataclasses.asdict(run) for run in runs]

    async def _run(self, params: dict[str, Any], _: Sequence[bytes]) -> str:
        return await self._schedules.run_now(self._key(params))

    async def _pause(self, params: dict[str, Any], _: Sequence[bytes]) -> None:
        await self._schedules.pause(self._key(params))

    async def _resume(self, params: dict[str, Any], _: Sequence[bytes]) -> None:
        await self._schedules.resume(self._key(params))

    def _key(self, params: dict[str, Any]) -> Key:
        return Key(self._where(params), str(params["app"]), str(params["function"]))
