"""Spawned calls of deployed apps are kept: they outlive their callers and the server (deploy.durable, faults 2, 6)."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from server_process import Server, serving
from workplace import Done, Workplace

SHOP = """
    import intermodal

    app = intermodal.App("shop")

    @app.function(max_containers=2)
    def square(x):
        return x * x

    @app.function()
    def hold(x):
        intermodal.Queue.from_name("started", create_if_missing=True).put(x)
        intermodal.Queue.from_name("go", create_if_missing=True).get(timeout=100)
        return ("held", x)

    @app.function()
    def spawner(x):
        return square.spawn(x).object_id

    @app.function()
    def picky(x):
        if intermodal.Dict.from_name("moods", create_if_missing=True).get("bad", True) and x % 2:
            raise ValueError(f"not {x}")
        return x
"""


class Shop:
    """Servers with one data directory, one after another, and programs that know no more than the newest one's URL."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.client = {"INTERMODAL_DATA_DIR": str(place.directory / "client")}
        place.environment["INTERMODAL_DATA_DIR"] = str(place.directory / "server")

    def use(self, server: Server) -> None:
        """Call this one from now on."""
        self.client = {**self.client, **server.environment}

    def deploy(self, source: str = SHOP) -> None:
        """A version of the app."""
        self.place.write("shop.py", source)
        done = self.command("deploy", "shop.py")
        assert done.returncode == 0, done.stderr

    def command(self, *words: str) -> Done:
        """A command."""
        return self.place.intermodal(*words, env=self.client)

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """What a command prints as JSON."""
        done = self.command(*words)
        assert done.returncode == 0, done.stderr
        rows: list[dict[str, Any]] = json.loads(done.stdout)
        return rows

    def says(self, text: str, *arguments: str) -> str:
        """What a program of its own prints."""
        path = self.place.write("elsewhere/program.py", text)
        done = self.place.run(str(path), *arguments, env=self.client)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def shop(place: Workplace) -> Shop:
    return Shop(place)


HOLD = """
    import intermodal
    call = intermodal.Function.from_name("shop", "hold").spawn(7)
    intermodal.Queue.from_name("started", create_if_missing=True).get(timeout=100)
    print(call.object_id)
"""

RELEASE = """
    import sys, intermodal
    intermodal.Queue.from_name("go", create_if_missing=True).put_many([True] * 3)
    print(intermodal.FunctionCall.from_id(sys.argv[1]).get(timeout=100))
"""

SEE = """
    import sys, intermodal
    print(intermodal.FunctionCall.from_id(sys.argv[1]).get(timeout=100))
"""


@pytest.mark.one_user
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_call_goes_on_at_the_next_server(shop: Shop, place: Workplace, how: signal.Signals) -> None:
    """One that ran when the server ended runs again, and its caller's id finds the result; so do those that a
    container spawned, and results that were there before."""
    with serving(place) as first:
        shop.use(first)
        shop.deploy()
        nested = shop.says(
            "import intermodal; print(intermodal.Function.from_name('shop', 'spawner').remote(5))",
        )
        held = shop.says(HOLD)
        assert shop.says(SEE, nested) == "25"
        first.process.send_signal(how)
        first.process.communicate(timeout=60)
    with serving(place) as second:
        shop.use(second)
        assert shop.says(SEE, nested) == "25"
        assert shop.says(RELEASE, held) == "('held', 7)"
        second.end()


PICKY = """
    import intermodal
    print(intermodal.Function.from_name("shop", "picky").spawn_map(range(4)).object_id)
"""

MOOD = """
    import intermodal
    intermodal.Dict.from_name("moods", create_if_missing=True)["bad"] = False
"""


@pytest.mark.one_user
def test_what_has_failed_is_listed_and_runs_again(shop: Shop, place: Workplace) -> None:
    """Also at another server than that at which it failed; the new result takes the place of the failure."""
    with serving(place) as first:
        shop.use(first)
        shop.deploy()
        call = shop.says(PICKY)
        shop.says(ENDED, call)
        first.end()
    with serving(place) as second:
        shop.use(second)
        (row,) = shop.rows("call", "ls", "--failed", "--json")
        assert (row["id"], row["state"], row["succeeded"], row["failed"], row["pending"]) == (call, "failed", 2, 2, 0)
        assert shop.rows("call", "ls", "--pending", "--json") == []
        shown = shop.command("call", "show", call).stdout
        assert "ValueError  not 3" in shown, shown
        assert "Traceback" in shown, shown
        refused = shop.command("call", "retry", call, "--index", "2")
        assert (refused.returncode, "input 2 of call" in refused.stderr) == (1, True), refused.stderr
        shop.says(MOOD)
        assert shop.command("call", "retry", call).stdout == f"{call}: 2 inputs run again\n"
        assert shop.says(ALL, call) == "[0, 1, 2, 3]"
        second.end()


ENDED = """
    import sys, intermodal
    for index in range(4):
        try:
            intermodal.FunctionCall.from_id(sys.argv[1]).get(timeout=100, index=index)
        except ValueError as error:
            assert str(error) == f"not {index}", error
"""

ALL = """
    import sys, intermodal
    print([intermodal.FunctionCall.from_id(sys.argv[1]).get(timeout=100, index=index) for index in range(4)])
"""
