"""What a caller sees of an error: its own line, and not the whole way through this package."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncGenerator, Callable

import pytest

import intermodal
from intermodal.client.dual import dual, dual_stream
from intermodal.exception import InvalidError

QUEUE = intermodal.Queue.from_name("tracebacks", create_if_missing=True)


def call() -> None:
    """No such wait exists."""
    QUEUE.get(timeout=-1)


def iterate() -> None:
    """The same for what is iterated."""
    list(QUEUE.iterate(item_poll_timeout=-1))


def call_async() -> None:
    """And for the twins at `.aio`."""

    async def main() -> None:
        await QUEUE.get.aio(timeout=-1)

    asyncio.run(main())


class Thing:
    """Fails in code that is not this package's, as a map's iterator does."""

    @dual
    async def call(self, error: Exception) -> None:
        """Raise `error`."""
        raise error

    @dual_stream
    async def iterate(self, error: Exception) -> AsyncGenerator[int, None]:
        """Yield once, then raise `error`."""
        yield 1
        raise error


@pytest.mark.parametrize("way", [call, iterate, call_async])
def test_an_error_for_the_caller_ends_where_the_package_begins(way: Callable[[], None]) -> None:
    """The way through our code says nothing."""
    with pytest.raises(InvalidError, match="seconds of at least 0") as caught:
        way()
    shown = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert shown[-1] in ("__call__", "iterate_sync", "main")


@pytest.mark.parametrize("way", [Thing().call, lambda error: list(Thing().iterate(error))])
@pytest.mark.parametrize("error", [InvalidError("a call in an iterator failed"), KeyError("of the user's")])
def test_an_error_in_the_users_own_code_keeps_its_place(way: Callable[[Exception], None], error: Exception) -> None:
    """Also where it is one of ours, of a call that the iterator makes."""
    with pytest.raises(type(error)) as caught:
        way(error)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "raise error"


def test_pytest_shows_the_callers_line_last() -> None:
    """Our frames are hidden in its reports."""
    with pytest.raises(InvalidError) as caught:
        call()
    assert [entry.name for entry in caught.traceback.filter(caught)][-1] == "call"
