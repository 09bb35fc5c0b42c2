"""`Dict.put(skip_if_exists=True)` looks whether the key is there and stores the value in two steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from intermodal.storage.state.requests import Reply
from intermodal.storage.state.service import StateService
from mutants.planting import instead_of


@instead_of("at_once", StateService)
def at_once(
    original: Callable[..., Reply | None],
    service: StateService,
    method: str,
    params: Mapping[str, Any],
    segments: Sequence[bytes] = (),
) -> Reply | None:
    return None if params.get("skip_if_exists") else original(service, method, params, segments)


@instead_of("handle", StateService)
async def handle(
    original: Callable[..., Coroutine[Any, Any, Reply]],
    service: StateService,
    method: str,
    params: Mapping[str, Any],
    segments: Sequence[bytes] = (),
    *,
    owner: str = "",
) -> Reply:
    if method == "dict.put" and params.get("skip_if_exists"):
        there = await original(service, "dict.contains", {"id": params["id"]}, segments[:1], owner=owner)
        if there.value:
            return Reply(False)
        await asyncio.sleep(0.01)
        params = {**params, "skip_if_exists": False}
    return await original(service, method, params, segments, owner=owner)
