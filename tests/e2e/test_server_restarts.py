"""A server that is killed and started again amid the calls of a client (fault 2)."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack

import pytest
from server_process import elsewhere, serving
from workplace import Workplace

pytestmark = pytest.mark.one_user

MAPS = """
    import sys, time, intermodal

    app = intermodal.App("maps")

    @app.function()
    def square(x):
        time.sleep(0.002)  # so that many have no result yet when the server is killed
        return x * x

    @app.function()
    def count(n):
        for number in range(n):
            yield number

    @app.local_entrypoint()
    def main():
        results = []
        for result in square.map(range(2_000)):
            results.append(result)
            if len(results) in (300, 1_100):
                print("kill", flush=True)
                assert sys.stdin.readline() == "killed\\n"
        assert results == [x * x for x in range(2_000)]
        counted = count.remote_gen(2_000)
        assert next(counted) == 0
        print("kill", flush=True)
        assert sys.stdin.readline() == "killed\\n"
        try:
            for number in counted:
                pass
        except intermodal.exception.RemoteError as error:
            assert "was started anew while the generator ran" in str(error), error
        else:
            raise AssertionError("the generator went on")
        assert square.remote(4) == 16
        print("all of it", flush=True)
"""


def test_a_map_outlasts_its_server(place: Workplace) -> None:
    """Every result is right and comes once. A generator of which items had come ends with an error that says why."""
    place.write("maps.py", MAPS)
    with ExitStack() as servers:
        server = servers.enter_context(serving(place))
        port, client = int(server.url.rpartition(":")[2]), elsewhere(server, place)
        program = place.start("-m", "intermodal.cli", "run", "maps.py", env=client, stdin=subprocess.PIPE)
        assert program.stdout is not None
        assert program.stdin is not None
        for _ in range(3):
            assert program.stdout.readline() == "kill\n", program.communicate(timeout=60)
            server.process.kill()
            server.process.communicate()
            server = servers.enter_context(serving(place, port=port))
            program.stdin.write("killed\n")
            program.stdin.flush()
        output, errors = program.communicate(timeout=60)
        assert (program.returncode, output) == (0, "all of it\n"), errors
        assert "was started anew: calls that have no results yet are made again" in errors
        server.end()


CALLS = """
    import sys, intermodal

    square = intermodal.Function.from_name("maps", "square")
    line = intermodal.Queue.from_name("line", create_if_missing=True)
    results = []
    for result in square.map(range(1_000)):
        results.append(result)
        if len(results) == 100:
            print("kill", flush=True)
            assert sys.stdin.readline() == "killed\\n"
    assert results == [x * x for x in range(1_000)]
    assert line.len() == 0
    print("all of it", flush=True)
"""


def test_calls_of_deployed_functions_outlast_the_server(place: Workplace) -> None:
    """The deployed version is back with it, and gets what has no result."""
    place.write("maps.py", MAPS)
    place.write("calls.py", CALLS)
    with ExitStack() as servers:
        server = servers.enter_context(serving(place))
        port, client = int(server.url.rpartition(":")[2]), elsewhere(server, place)
        assert place.intermodal("deploy", "maps.py", env=client).returncode == 0
        program = place.start("calls.py", env=client, stdin=subprocess.PIPE)
        assert program.stdout is not None
        assert program.stdin is not None
        assert program.stdout.readline() == "kill\n", program.communicate(timeout=60)
        server.process.kill()
        server.process.communicate()
        server = servers.enter_context(serving(place, port=port))
        output, errors = program.communicate("killed\n", timeout=60)
        assert (program.returncode, output) == (0, "all of it\n"), errors
        server.end()
