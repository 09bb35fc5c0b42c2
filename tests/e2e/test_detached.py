"""Apps at a server that outlive the programs that began them (app.ephemeral, fault 3)."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from server_process import Server, elsewhere, serving
from websockets.sync.client import connect
from workplace import Workplace

from intermodal.wire.frame import FrameReader, encode

pytestmark = pytest.mark.one_user

AWAY = """
    import sys, time, intermodal

    app = intermodal.App("away")
    line = intermodal.Queue.from_name("line", create_if_missing=True)
    gate = intermodal.Queue.from_name("gate", create_if_missing=True)

    @app.function(max_containers=4)
    def work(word):
        line.put(f"began {word}")
        gate.get()
        line.put(f"ended {word}")

    @app.function()
    def count():
        number = 0
        while True:
            yield number
            number += 1

    def words():
        yield from ("first", "second")
        while True:
            time.sleep(3600)

    @app.local_entrypoint()
    def all_kinds():
        counted = count.remote_gen()
        assert next(counted) == 0
        work.spawn("spawned")
        for _ in work.map(words()):
            pass

    @app.local_entrypoint()
    def waits(word: str):
        work.remote(word)
"""

#: Opens the gate so often, and then prints so many lines.
LINES = """
    import sys, intermodal

    opened, lines = map(int, sys.argv[1:])
    intermodal.Queue.from_name("gate", create_if_missing=True).put_many([None] * opened)
    line = intermodal.Queue.from_name("line", create_if_missing=True)
    for _ in range(lines):
        print(line.get(timeout=120))
"""


@pytest.fixture
def server(place: Workplace) -> Iterator[Server]:
    with serving(place) as running:
        yield running
        running.end()


class Client:
    """What users do at the server."""

    def __init__(self, server: Server, place: Workplace) -> None:
        self.environment = elsewhere(server, place)
        self._place = place
        place.write("away.py", AWAY)
        place.write("lines.py", LINES)

    def apps(self) -> list[tuple[str, str, str]]:
        """Name, state, id."""
        done = self._place.intermodal("app", "ls", "--json", env=self.environment)
        assert done.returncode == 0, done.stderr
        return [(row["app"], row["state"], row["id"]) for row in json.loads(done.stdout)]

    def until(self, states: list[str]) -> list[str]:
        """Wait until the apps are in these states. Their ids."""
        deadline = time.monotonic() + 120
        apps = self.apps()
        while [state for _, state, _ in apps] != states:
            assert time.monotonic() < deadline, apps
            apps = self.apps()
        return [app for _, _, app in apps]

    def lines(self, opened: int, lines: int) -> list[str]:
        """Let so many calls end; so many lines that came, in order of the alphabet."""
        done = self._place.run("lines.py", str(opened), str(lines), env=self.environment, timeout=180)
        assert done.returncode == 0, done.stderr
        return sorted(done.stdout.splitlines())


def test_what_was_submitted_goes_on_where_the_program_is_killed(server: Server, place: Workplace) -> None:
    """A spawned call, and of a map the inputs that had come, but no generator, which nobody reads; then the app is
    gone. The program cannot come back and have it all done twice."""
    client = Client(server, place)
    program = place.start("-m", "intermodal.cli", "run", "--detach", "away.py::all_kinds", env=client.environment)
    assert client.lines(0, 3) == ["began first", "began second", "began spawned"]
    (app,) = client.until(["attached"])
    program.kill()
    output, errors = program.communicate(timeout=60)
    assert f"`intermodal app stop {app}` ends it" in errors, output
    assert client.until(["detached"]) == [app]
    assert begun_again(server, app.removeprefix("ap-"))["error"] == "RemoteError"
    assert client.lines(3, 3) == ["ended first", "ended second", "ended spawned"]
    client.until([])


def begun_again(server: Server, session: str) -> dict[str, Any]:
    """The answer to a client that takes the server for a new one."""
    hello = {"t": "hello", "protocol": 1, "environment": ""}
    begin = {"t": "request", "id": 1, "method": "app.begin", "params": {"again": session}}
    with connect(server.url.replace("http", "ws") + "/v1/connect", compression=None) as socket:
        socket.send(b"".join(encode(hello, ())))
        socket.recv(timeout=60)
        socket.send(b"".join(encode(begin, ())))
        ((header, _),) = FrameReader().feed(bytes(socket.recv(timeout=60)))
    return header


def test_ctrl_c_leaves_it_running_and_stop_ends_it(server: Server, place: Workplace) -> None:
    """Two of one name are told apart by their ids; the program of the one that is stopped hears why it ends."""
    client = Client(server, place)
    run = "-m", "intermodal.cli", "run", "--detach", "away.py::waits", "--word"
    left = place.start(*run, "left", env=client.environment)
    assert client.lines(0, 1) == ["began left"]
    left.send_signal(signal.SIGINT)
    left.communicate(timeout=60)
    assert left.returncode == 130
    stopped = place.start(*run, "stopped", env=client.environment)
    assert client.lines(0, 1) == ["began stopped"]
    first, second = client.until(["detached", "attached"])
    refused = place.intermodal("app", "stop", "away", env=client.environment)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"stop one by its id, of {first}, {second}" in refused.stderr
    assert place.intermodal("app", "stop", second, env=client.environment).returncode == 0
    _, errors = stopped.communicate(timeout=60)
    assert (stopped.returncode, f"({second}) was stopped" in errors) == (1, True), errors
    assert client.until(["detached"]) == [first]
    assert client.lines(1, 1) == ["ended left"]
    client.until([])
    unknown = place.intermodal("app", "stop", first, env=client.environment)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1), unknown.stderr


def test_without_a_server_it_is_refused(place: Workplace) -> None:
    """In a line that says what to start."""
    place.write("away.py", AWAY)
    done = place.intermodal("run", "--detach", "away.py::waits", "--word", "none")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "start `intermodal server`" in done.stderr
