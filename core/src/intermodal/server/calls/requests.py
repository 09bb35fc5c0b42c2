"""What a client asks about calls in general."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from intermodal.driver.numbers import count
from intermodal.server.calls.desk import CallDesk
from intermodal.server.calls.rows import Call

__all__ = ["CallRequests"]

_Method = Callable[[dict[str, Any], Sequence[bytes]], Awaitable[Any]]


class CallRequests:
    """Of one client.

    Args:
        where: the environment that a request is about; raises `NotFoundError` where there is none.
    """

    def __init__(self, desk: CallDesk, where: Callable[[dict[str, Any]], str]) -> None:
        self._desk = desk
        self._where = where
        self.methods: dict[str, _Method] = {
            "call.list": self._list,
            "call.show": self._show,
            "call.retry": self._retry,
            "call.end": self._end,
        }

    async def _list(self, params: dict[str, Any], _: Sequence[bytes]) -> list[dict[str, Any]]:
        environment, app, before = self._where(params), params.get("app"), params.get("before")
        calls = await self._desk.list(
            environment,
            app=None if app is None else str(app),
            failed=bool(params.get("failed")),
            pending=bool(params.get("pending")),
            before=None if before is None else count(before),
            limit=count(params.get("limit", 100)),
        )
        if app is not None and not calls:
            await self._desk.check_app(environment, str(app))
        return [_row(call) for call in calls]

    async def _show(self, params: dict[str, Any], _: Sequence[bytes]) -> dict[str, Any]:
        call = await self._named(params)
        inputs = await self._desk.inputs(call, count(params.get("first", 0)), count(params.get("limit", 100)))
        return {**_row(call), "outputs": [dataclasses.asdict(each) for each in inputs]}

    async def _retry(self, params: dict[str, Any], _: Sequence[bytes]) -> list[int]:
        index = params.get("index")
        return list(await self._desk.retry(await self._named(params), None if index is None else [count(index)]))

    async def _end(self, params: dict[str, Any], _: Sequence[bytes]) -> None:
        await self._desk.cancel(await self._named(params))

    async def _named(self, params: dict[str, Any]) -> Call:
        return await self._desk.find(self._where(params), str(params["call"]))


def _row(call: Call) -> dict[str, Any]:
    row = {**dataclasses.asdict(call), "state": call.state}
    return {**row, **row.pop("states")}
