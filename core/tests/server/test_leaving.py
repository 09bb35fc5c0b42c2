"""How long a client that is away is waited for: a lease, or until its process is seen to have ended."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from intermodal.server.leaving import Leave
from intermodal.wire import neighbour

#: Seconds that nothing here takes.
LONG = 3600.0


async def over(process: Any, lease_s: float) -> None:
    """Wait for the end of a leave."""
    ended = asyncio.Event()
    Leave(process, lease_s, ended.set)
    await asyncio.wait_for(ended.wait(), 60)


def test_who_is_elsewhere_is_waited_for_as_long_as_the_lease_lasts() -> None:
    """What is said of a process of another machine says nothing here, nor does nonsense."""
    for process in (None, {}, [], {"pid": "1", "place": ""}, {**neighbour.own_name(), "place": "another"}):
        asyncio.run(over(process, 0.01))


def test_the_end_of_a_process_here_ends_its_leave() -> None:
    """Whether it comes during the leave, or was before."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = {**neighbour.own_name(), "pid": child.pid}

    async def ends_meanwhile() -> None:
        ended = asyncio.Event()
        Leave(process, LONG, ended.set)
        assert child.stdin is not None
        child.stdin.close()
        await asyncio.wait_for(ended.wait(), 60)

    asyncio.run(ends_meanwhile())
    child.wait()
    asyncio.run(over(process, LONG))


def test_who_is_back_is_not_given_up() -> None:
    """Not by the lease, nor by the end of the process."""

    async def run() -> None:
        for process in (None, neighbour.own_name(), {**neighbour.own_name(), "pid": 1 << 30}):
            leave = Leave(process, 0.0, lambda: pytest.fail("it was back"))
            leave.cancel()
            leave.cancel()
        await asyncio.sleep(0.01)

    asyncio.run(run())
