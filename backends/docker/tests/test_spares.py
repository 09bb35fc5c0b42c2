"""Containers that stand ready: which launch may take one, and who closes its connection."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from intermodal_docker.arrived import Arrived, Printed
from intermodal_docker.door import Door
from intermodal_docker.engine import Bind, CreateRequest
from intermodal_docker.inside.messages import Reader, SocketLine
from intermodal_docker.spares import Spare, Spares

REQUEST = CreateRequest(
    image="i", command=["python3", "init.py"], name="intermodal-spare", hostname="spare", env=(("A", "1"),), memory=64
)


class Bench:
    """Spares, and the other ends of their connections."""

    def __init__(self) -> None:
        self.spares = Spares()
        self.removed: list[str] = []

    def add(self, container: str, request: CreateRequest = REQUEST) -> tuple[Spare, socket.socket]:
        """A spare, and what its process 1 has."""
        ours, theirs = socket.socketpair()

        async def remove(container: str) -> None:
            self.removed.append(container)

        line = SocketLine(asyncio.get_running_loop(), Reader(ours))
        return self.spares.add(Spare(request, Arrived(container, line, Printed()), remove)), theirs


def on_a_loop(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    """Run a test, and see that nothing stays open (an unclosed socket is an error of its own)."""

    async def whole() -> None:
        bench = Bench()
        await test(bench)
        await bench.spares.close()

    asyncio.run(whole())


def test_a_launch_takes_what_differs_in_name_only() -> None:
    """Once; and closing it is the launch's then."""

    async def test(bench: Bench) -> None:
        spare, theirs = bench.add("one")
        wanted = replace(REQUEST, name="intermodal-c-7", hostname="c-7")
        arrived = bench.spares.take(wanted)
        assert arrived is not None
        assert (arrived.container, spare.over) == ("one", True)
        assert bench.spares.take(wanted) is None
        await spare.dismiss()
        await bench.spares.close()
        assert bench.removed == []
        arrived.line.tell({"t": "run"})
        assert b"run" in theirs.recv(100)
        arrived.line.close()
        theirs.close()

    on_a_loop(test)


@pytest.mark.parametrize(
    "change",
    [
        {"image": "other"},
        {"env": (("A", "2"),)},
        {"env": (("A", "1"), ("SECRET", "x"))},
        {"memory": 128},
        {"network": "none"},
        {"binds": [Bind("/x", "/y")]},
        {"gpus": ["GPU-1"]},
        {"labels": {"intermodal.function": "g"}},
    ],
    ids=str,
)
def test_nothing_that_differs_is_taken(change: dict[str, Any]) -> None:
    """A container is all that was asked for, or it is another one."""

    async def test(bench: Bench) -> None:
        spare, theirs = bench.add("one")
        assert bench.spares.take(replace(REQUEST, **change)) is None
        assert not spare.over
        theirs.close()

    on_a_loop(test)


def test_one_that_has_ended_is_passed_over_and_removed() -> None:
    """Also in the moment before anybody has noticed."""

    async def test(bench: Bench) -> None:
        ended, theirs = bench.add("ended")
        theirs.close()
        alive, theirs = bench.add("alive")
        arrived = bench.spares.take(REQUEST)
        assert arrived is not None
        assert arrived.container == "alive"
        assert (ended.over, alive.over) == (True, True)
        await ended.dismiss()
        assert bench.removed == ["ended"]
        arrived.line.close()
        theirs.close()

    on_a_loop(test)


def test_those_that_nobody_took_are_gone_after_the_end() -> None:
    """Their process 1 sees the end of its connection."""

    async def test(bench: Bench) -> None:
        _, theirs = bench.add("one")
        await bench.spares.close()
        assert bench.removed == ["one"]
        assert theirs.recv(1) == b""
        theirs.close()

    on_a_loop(test)


def test_what_was_printed_before_anybody_listened_is_kept() -> None:
    """In order, and not without bound."""
    printed, heard = Printed(), list[tuple[int, bytes]]()

    def sink(stream: Literal[1, 2], data: bytes) -> None:
        heard.append((stream, data))

    printed(1, b"a")
    printed(2, b"b")
    printed.to(sink)
    printed(1, b"c")
    assert heard == [(1, b"a"), (2, b"b"), (1, b"c")]
    printed = Printed()
    for _ in range(1000):
        printed(1, b"x" * 1000)
    heard.clear()
    printed.to(sink)
    assert 60 < len(heard) < 70


def test_a_connection_that_nobody_wants_any_more_is_closed(tmp_path: Path) -> None:
    """Whoever gave up at the very moment when it came: the visitor sees its end."""

    async def test() -> None:
        with Door(tmp_path / "door") as door:
            visitor = socket.socket(socket.AF_UNIX)
            visitor.connect(str(tmp_path / "door" / "door"))

            async def give_up() -> None:
                with door.expect(Printed(), lambda: None) as knock:
                    hello = json.dumps({"t": "hello", "token": knock.token}).encode()
                    visitor.sendall(struct.pack("!I", len(hello)) + hello)
                    await asyncio.wait({knock.coming})
                    raise InterruptedError

            with pytest.raises(InterruptedError):
                await give_up()
            visitor.settimeout(60)
            assert visitor.recv(1) == b""
            visitor.close()

    asyncio.run(test())
