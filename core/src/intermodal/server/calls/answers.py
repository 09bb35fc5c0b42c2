"""Answers to requests about single calls that no session has."""

from __future__ import annotations

from typing import Any

from intermodal.driver.numbers import seconds
from intermodal.driver.requests import Answer, output_answer
from intermodal.server.calls.service import Calls

__all__ = ["answered"]


async def answered(calls: Calls, method: str, params: dict[str, Any]) -> Answer:
    """ "call.output", "call.cancel" or "call.graph", as a session would answer it. Raises `NotFoundError`."""
    call = str(params["call"])
    match method:
        case "call.output":
            timeout = None if params["timeout"] is None else seconds(params["timeout"])
            return output_answer(await calls.output(call, int(params["index"]), timeout))
        case "call.cancel":
            await calls.cancel(call)
            return Answer()
    return Answer(await calls.graph(call))
