"""The value of a spawned call is given to the first who asks; whoever asks later hears that it is no longer kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intermodal.driver.requests import Answer, Requests
from mutants.planting import instead_of

given: set[str] = set()


@instead_of("_output", Requests)
async def output(original: Callable[..., Any], requests: Requests, params: dict[str, Any]) -> Answer:
    call = str(params["call"])
    if call in given:
        return Answer({"state": "expired"})
    answer = await original(requests, params)
    if answer.value["state"] == "done":
        given.add(call)
    return answer
