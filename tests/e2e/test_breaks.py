"""Connections to a server that break: nothing is lost, nothing comes twice (faults 3 and 4)."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from server_process import Server, elsewhere, serving
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from workplace import Workplace

from breaking_proxy import Break, breaking
from intermodal.wire.frame import FrameReader, encode
from processes import command_lines

pytestmark = pytest.mark.one_user


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    with serving(place) as running:
        yield running
        if running.process.poll() is None:
            running.end()


def until(running: bool, mark: str) -> None:
    """A process with that argument runs, or none does."""
    deadline = time.monotonic() + 60
    while any(mark.encode() in line.split(b"\0") for _, line in command_lines()) is not running:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


BUSY = """
    import intermodal

    app = intermodal.App("busy")
    line = intermodal.Queue.from_name("line", create_if_missing=True)

    @app.function()
    def square(x):
        return x * x

    @app.function()
    def count(n):
        for number in range(n):
            yield number, b"-" * 2_000

    @app.function()
    def echo(data):
        return data

    @app.local_entrypoint()
    def main():
        assert list(square.map(range(3_000))) == [x * x for x in range(3_000)]
        assert sorted(square.map(range(500), order_outputs=False)) == [x * x for x in range(500)]
        assert [number for number, _ in count.remote_gen(500)] == list(range(500))
        for number in range(30):
            line.put(number)
        assert [line.get() for _ in range(30)] == list(range(30))
        assert line.len() == 0
        data = bytes(range(256)) * (20 << 12)
        assert echo.remote(data) == data
        assert square.spawn(5).get() == 25
        print("all of it")
"""


def test_breaks_at_any_moment_change_nothing(server: Server, place: Workplace) -> None:
    """A map, a generator, a queue, 20 MiB there and back, over connections that are cut, half-closed, and swallow what
    is sent: each output is right and comes once."""
    place.write("busy.py", BUSY)
    chance = random.Random(7)
    ways: tuple[Any, ...] = ("cut", "half", "lose", "refuse")
    breaks = [Break(chance.choice(ways), chance.choice([500, 5_000, 50_000, 500_000, 5_000_000])) for _ in range(60)]
    with breaking(port_of(server), [Break("cut", 100_000), *breaks]) as proxy:
        client = {**elsewhere(server, place), "INTERMODAL_SERVER_URL": f"http://127.0.0.1:{proxy.port}"}
        done = place.intermodal("run", "busy.py", env=client)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "all of it\n"
        assert proxy.connections > 10


AWAY = """
    import intermodal, sys
    app = intermodal.App("away")

    @app.function(serialized=True)
    def wait():
        from pathlib import Path
        import subprocess
        print("begun", flush=True)
        line.get()
        return 7

    line = intermodal.Queue.from_name("go", create_if_missing=True)

    if __name__ == "__main__":
        with intermodal.enable_output(), app.run():
            print(wait.remote())
"""


def test_a_client_that_is_away_is_told_and_comes_back(server: Server, place: Workplace) -> None:
    """Its call goes on meanwhile; what it waits for is there when it is back. It says so, once each."""
    place.write("away.py", AWAY)
    with breaking(port_of(server)) as proxy:
        client = {**elsewhere(server, place), "INTERMODAL_SERVER_URL": f"http://127.0.0.1:{proxy.port}"}
        program = place.start("away.py", env=client)
        assert program.stdout is not None
        assert "begun" in program.stdout.readline()
        proxy.refusing = True
        proxy.cut()
        proxy.wait_for(4)
        place.write("go.py", "import intermodal\nintermodal.Queue.from_name('go').put(1)\n")
        assert place.run("go.py", env=server.environment).returncode == 0
        proxy.refusing = False
        output, errors = program.communicate(timeout=60)
        assert (program.returncode, output) == (0, "7\n"), errors
        assert errors.count("was lost: trying again for 90 s") == 1
        assert errors.count("is back") == 1


ELSEWHERE = """
    import sys, intermodal
    from intermodal.wire import neighbour

    app = intermodal.App("elsewhere")
    neighbour.own_name = lambda: {}  # as if this were another machine

    @app.function(serialized=True)
    def wait(mark):
        import subprocess
        subprocess.run(["sleep", mark])

    if __name__ == "__main__":
        with app.run():
            wait.remote(sys.argv[1].removeprefix("mark="))
"""


def test_the_app_of_a_killed_client_ends_within_the_lease(place: Workplace) -> None:
    """Where the server cannot see that the program has ended: on another machine."""
    with serving(place, "--set", "client_lease_s=1") as server:
        place.write("elsewhere.py", ELSEWHERE)
        mark = f"6{os.getpid()}"
        client = place.start("elsewhere.py", f"mark={mark}", env=elsewhere(server, place))
        until(True, mark)
        client.kill()
        client.communicate()
        until(False, mark)
        server.end()


# ---- what a connection says, by hand --------------------------------------------------------------------------------


def frame(header: dict[str, Any]) -> bytes:
    return b"".join(encode(header))


@contextmanager
def connected(server: Server, token: str = "") -> Iterator[ClientConnection]:
    url, headers = server.url.replace("http", "ws") + "/v1/connect", {"Authorization": f"Bearer {token}"}
    with connect(url, compression=None, additional_headers=headers if token else None) as socket:
        yield socket


def welcomed(socket: ClientConnection) -> str:
    """Say hello; the stream that this connection begins."""
    socket.send(frame({"t": "hello", "protocol": 1, "environment": ""}))
    return str(header_from(socket)["stream"])


def header_from(socket: ClientConnection) -> dict[str, Any]:
    ((header, _),) = FrameReader().feed(bytes(socket.recv(timeout=60)))
    return header


@contextmanager
def claiming(server: Server, stream: str, received: int) -> Iterator[tuple[ClientConnection, dict[str, Any]]]:
    """A connection that claims a stream, and the answer."""
    with connected(server) as socket:
        socket.send(json.dumps({"stream": stream, "received": received}))
        yield socket, json.loads(socket.recv(timeout=60))


def test_of_two_connections_the_later_has_the_stream(server: Server) -> None:
    """The earlier is cut; the later is sent what was not received, and goes on."""
    with connected(server) as first:
        stream = welcomed(first)
        with claiming(server, stream, 0) as (second, answer):
            assert answer == {"received": 1}
            assert header_from(second)["t"] == "welcome"  # again: it said that it had not come
            with pytest.raises(ConnectionClosed) as ended:
                first.recv(timeout=60)
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1008
            second.send(frame({"t": "request", "id": 1, "method": "queue.list", "params": {}}))
            assert header_from(second)["id"] == 1


def test_streams_that_are_over_or_nobody_has_are_unknown(server: Server) -> None:
    """A client that is done does not come back, nor is a claim taken that is none, or cannot be true."""
    with connected(server) as socket:
        stream = welcomed(socket)
    for unknown in (stream, "", "x" * 100_000):
        with claiming(server, unknown, 0) as (_, answer):
            assert answer == {"unknown": True}
    with connected(server) as socket:
        stream = welcomed(socket)
        with claiming(server, stream, 2) as (wrong, answer):  # more than was sent
            assert answer == {"received": 1}
            assert header_from(wrong)["t"] == "welcome"
            assert "are said to have been received" in header_from(wrong)["message"]
            with pytest.raises(ConnectionClosed):
                wrong.recv(timeout=60)
    with connected(server) as nonsense:
        nonsense.send("[]")
        with pytest.raises(ConnectionClosed):
            nonsense.recv(timeout=60)


def test_a_revoked_token_ends_what_it_has_opened(place: Workplace) -> None:
    """Soon, with a word; and opens nothing any more."""
    with serving(place, "--require-token") as server:
        token = place.intermodal("token", "create", "lent").stdout.strip()
        with connected(server, token) as socket:
            welcomed(socket)
            assert place.intermodal("token", "revoke", "lent").returncode == 0
            assert "has been revoked" in header_from(socket)["message"]
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=60)
        with connected(server, token) as socket:
            assert "does not know this token" in header_from(socket)["message"]
        server.end()
