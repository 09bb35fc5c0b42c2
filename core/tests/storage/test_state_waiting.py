"""Requests that wait: timeouts, order, cancellation, owners, the end of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from intermodal.storage import Reply, RequestError, StateService

NAMES = pytest.mark.parametrize("name", ["q", None], ids=["named", "ephemeral"])
Scenario = Callable[["Handle"], Awaitable[None]]


class Handle:
    """A queue as tests like to use it."""

    def __init__(self, service: StateService, token: str) -> None:
        self.service = service
        self.id = token

    async def ask(self, method: str, *segments: bytes, **params: Any) -> Reply:
        return await self.service.handle(f"queue.{method}", {"id": self.id, **params}, segments)

    async def start(self, method: str, *segments: bytes, **params: Any) -> asyncio.Task[Reply]:
        """Begin a request; when this returns, it was tried once."""
        task = asyncio.get_running_loop().create_task(self.ask(method, *segments, **params))
        await asyncio.sleep(0)
        await self.ask("len")
        return task

    async def everything(self) -> list[bytes]:
        return list((await self.ask("get", n=5_000, block=False)).segments)


@asynccontextmanager
async def opened(data_dir: Path, name: str | None) -> AsyncIterator[Handle]:
    service = StateService(data_dir)
    created = await service.handle("queue.create", {"name": name, "create_if_missing": True})
    try:
        yield Handle(service, created.value["id"])
    finally:
        await service.close()


def play(data_dir: Path, name: str | None, scenario: Scenario) -> None:
    async def main() -> None:
        async with opened(data_dir, name) as queue:
            await scenario(queue)

    asyncio.run(main())


@NAMES
def test_a_get_gives_up_after_its_timeout(tmp_path: Path, name: str | None) -> None:
    """An empty queue answers a blocking get with no items once the timeout has passed, not before."""

    async def scenario(queue: Handle) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        reply = await queue.ask("get", timeout=0.1)
        assert reply.value == []
        assert loop.time() - before >= 0.09
        await queue.ask("put", b"1")
        assert await queue.everything() == [b"1"]  # the late get does not take it

    play(tmp_path, name, scenario)


@NAMES
def test_a_put_gives_up_after_its_timeout_and_stores_nothing(tmp_path: Path, name: str | None) -> None:
    """A full queue answers a blocking put with "not accepted" once the timeout has passed."""

    async def scenario(queue: Handle) -> None:
        await queue.ask("put", *[b"1"] * 5_000)
        assert (await queue.ask("put", b"2", timeout=0.05)).value == {"accepted": False}
        assert await queue.everything() == [b"1"] * 5_000
        assert (await queue.ask("len")).value == 0

    play(tmp_path, name, scenario)


@NAMES
def test_a_large_put_that_gives_up_lets_smaller_ones_pass(tmp_path: Path, name: str | None) -> None:
    """Puts go in order; when the first of the line leaves, those behind it that fit go on."""

    async def scenario(queue: Handle) -> None:
        await queue.ask("put", *[b"1"] * 4_999)
        large = await queue.start("put", b"2", b"2", timeout=1.0)
        small = await queue.start("put", b"3")
        assert not small.done()
        assert (await large).value == {"accepted": False}
        assert (await small).value == {"accepted": True}

    play(tmp_path, name, scenario)


@NAMES
def test_waiting_gets_are_served_in_order(tmp_path: Path, name: str | None) -> None:
    """Who waited first gets the first item."""

    async def scenario(queue: Handle) -> None:
        waiting = [await queue.start("get", n=2) for _ in range(3)]
        await queue.ask("put", b"1", b"2", b"3")
        await queue.ask("put", b"4")
        assert [list((await task).segments) for task in waiting] == [[b"1", b"2"], [b"3"], [b"4"]]

    play(tmp_path, name, scenario)


@NAMES
def test_a_cancelled_get_takes_nothing(tmp_path: Path, name: str | None) -> None:
    """Whenever the cancellation comes, before or after items were taken, they are there for others, in order."""

    async def scenario(queue: Handle) -> None:
        for ticks in range(12):
            await queue.ask("put", b"1", b"2", b"3")
            task = asyncio.get_running_loop().create_task(queue.ask("get", n=2))
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            taken = await asyncio.gather(task, return_exceptions=True)
            await queue.ask("len")
            await asyncio.sleep(0)
            left = await queue.everything()
            got = list(taken[0].segments) if isinstance(taken[0], Reply) else []
            assert got + left == [b"1", b"2", b"3"]

    play(tmp_path, name, scenario)


def test_an_answer_that_arrives_with_the_cancellation_is_put_back(tmp_path: Path) -> None:
    """A get cancelled after its items were taken, before it could go on, returns them to their place."""

    async def scenario(queue: Handle) -> None:
        getter = await queue.start("get", n=2)
        await queue.ask("put", b"1", b"2", b"3")  # answers the getter too, whose task has not run yet
        getter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await getter
        await queue.ask("len")
        assert await queue.everything() == [b"1", b"2", b"3"]

    play(tmp_path, None, scenario)


@NAMES
def test_iterating_can_wait_for_one_more_item(tmp_path: Path, name: str | None) -> None:
    """Iteration with a timeout sees an item that comes later, although a waiting get takes it."""

    async def scenario(queue: Handle) -> None:
        await queue.ask("put", b"1")
        first = await queue.ask("iterate")
        reader = await queue.start("iterate", after=first.value["cursor"], timeout=30)
        assert list((await queue.ask("get")).segments) == [b"1"]
        getter = await queue.start("get")
        await queue.ask("put", b"2")
        assert list((await reader).segments) == list((await getter).segments) == [b"2"]
        cursor = (await reader).value["cursor"]
        late = await queue.ask("iterate", after=cursor, timeout=0.01)
        assert late == Reply({"cursor": cursor}, ())

    play(tmp_path, name, scenario)


def test_deleting_and_making_anew_gives_an_empty_queue(tmp_path: Path) -> None:
    """An old handle ends with NotFoundError, waiting or not; the name can be used again."""

    async def scenario(queue: Handle) -> None:
        await queue.ask("put", b"1", partition="a")
        waiting = await queue.start("get")
        await queue.service.handle("queue.delete", {"name": "q"})
        for failed in (waiting, queue.ask("len"), queue.ask("put", b"2")):
            with pytest.raises(RequestError) as caught:
                await failed
            assert caught.value.error == "NotFoundError"
        again = await queue.service.handle("queue.create", {"name": "q", "create_if_missing": True})
        assert again.value["created"]
        assert (await queue.service.handle("queue.len", {"id": again.value["id"], "total": True})).value == 0

    play(tmp_path, "q", scenario)


def test_ephemeral_objects_end_with_their_owner(tmp_path: Path) -> None:
    """What a container made in passing ends when the driver says that the container ended."""

    async def scenario(queue: Handle) -> None:
        service = queue.service
        theirs = await service.handle("dict.create", {"name": None}, owner="container-1")
        await service.release_owner("container-1")
        await service.release_owner("container-1")
        with pytest.raises(RequestError, match="deleted or closed"):
            await service.handle("dict.len", {"id": theirs.value["id"]})
        await queue.ask("put", b"1")

    play(tmp_path, None, scenario)


def test_closing_ephemeral_objects_is_idempotent(tmp_path: Path) -> None:
    """queue.close frees an ephemeral queue; a second one changes nothing."""

    async def scenario(queue: Handle) -> None:
        await queue.ask("close")
        await queue.ask("close")
        with pytest.raises(RequestError, match="deleted or closed"):
            await queue.ask("len")

    play(tmp_path, None, scenario)


@NAMES
def test_closing_the_engine_ends_all_that_wait(tmp_path: Path, name: str | None) -> None:
    """A get without limit fails with ConnectionError when its engine closes, and so does any later request."""

    async def scenario(queue: Handle) -> None:
        waiting = await queue.start("get")
        await queue.service.close()
        for failed in (waiting, queue.ask("len")):
            with pytest.raises(RequestError) as caught:
                await failed
            assert caught.value.error == "ConnectionError"

    play(tmp_path, name, scenario)
    assert not list((tmp_path / "wake").iterdir()) if name else not list(tmp_path.iterdir())
