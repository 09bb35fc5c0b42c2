"""A `Queue.get` that is cancelled just when its answer arrives: the item goes back to its place."""

from __future__ import annotations

import asyncio

import pytest

import intermodal


async def cancel_when_answered(queue: intermodal.Queue) -> list[str]:
    """Cancel a get while this loop stands still and its answer comes; what the queue then gives, in order."""
    for _ in range(20):
        getting = asyncio.ensure_future(queue.get.aio())
        await queue.len.aio()  # by now the get is known, and waits
        await queue.put_many.aio(["first", "second"])
        while queue.len() == 2:  # blocks the loop: the task cannot see its answer
            continue
        getting.cancel()
        (outcome,) = await asyncio.gather(getting, return_exceptions=True)
        got = [await queue.get.aio(timeout=20) for _ in range(1 if isinstance(outcome, str) else 2)]
        if isinstance(outcome, str):
            got.insert(0, outcome)
        if got != ["first", "second"]:
            return got
    return ["first", "second"]


@pytest.mark.usefixtures("plain")
def test_an_answer_that_comes_with_the_cancellation_is_not_lost_here() -> None:
    """queue.*: for a client in this process."""
    app = intermodal.App("here")

    async def scenario() -> list[str]:
        async with app.run(), intermodal.Queue.ephemeral() as queue:
            return await cancel_when_answered(queue)

    assert asyncio.run(scenario()) == ["first", "second"]


@pytest.mark.usefixtures("plain")
def test_an_answer_that_comes_with_the_cancellation_is_not_lost_in_a_container() -> None:
    """queue.*: whose request is withdrawn when the answer is under way to it."""
    app = intermodal.App("there")
    function = app.function(serialized=True)(cancel_when_answered)
    with app.run(), intermodal.Queue.ephemeral() as queue:
        assert function.remote(queue) == ["first", "second"]
