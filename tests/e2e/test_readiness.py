"""A version of a deployed app takes calls only if its containers start (deploy.rolling)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from test_deployments import Shop
from test_deployments import shop as shop
from workplace import Workplace

WORKS = """
    import intermodal

    app = intermodal.App("shop")

    @app.function()
    def word():
        return "VERSION"

    @app.cls(scaledown_window=600)
    class Counter:
        @intermodal.enter()
        def open(self):
            self.word = "VERSION"

        @intermodal.method()
        def read(self):
            return self.word

    @app.function()
    @intermodal.asgi_app()
    def site():
        async def answer(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"VERSION"})
        return answer

    @app.cls()
    class Sized:
        size: int = intermodal.parameter()

        @intermodal.method()
        def read(self):
            return self.size
"""

#: What breaks a version: what stands in place of what, and what the deployer hears.
BROKEN = {
    "import": ('app = intermodal.App("shop")', "raise ImportError('no such shelf')", "no such shelf"),
    "enter": ('self.word = "VERSION"', "raise RuntimeError('the till is stuck')", "the till is stuck"),
    "web app": ("async def answer(", "raise RuntimeError('no window')\n        async def answer(", "no window"),
}

CALL = """
    import intermodal
    assert intermodal.Function.from_name("shop", "word").remote() == "first"
    assert intermodal.Cls.from_name("shop", "Counter")().read.remote() == "first"
    assert intermodal.Cls.from_name("shop", "Sized")(size=3).read.remote() == 3
"""


def test_a_version_whose_containers_do_not_start_takes_no_calls(shop: Shop) -> None:
    """Not though nobody has called it: a module that cannot be imported in a container, an enter method that raises,
    a web app that cannot be made. The deployer hears why, and the version before goes on."""
    done = shop.deploy("first", source=WORKS)
    assert done.returncode == 0, done.stderr
    inside = "if not intermodal.is_local(): "
    for kind, (good, bad, said) in BROKEN.items():
        change = f"{good}\n    {inside}{bad}" if kind == "import" else bad
        done = shop.deploy(kind, source=WORKS.replace(good, change))
        assert done.returncode == 1, (kind, done.stdout)
        assert said in done.stderr, (kind, done.stderr)
    assert [row["state"] for row in shop.history()] == ["live", "failed", "failed", "failed"]
    done = shop.program(CALL)
    assert done.returncode == 0, done.stderr


RESTS = """
    import intermodal

    app = intermodal.App("shop")

    @app.function(scaledown_window=1)
    def double(x):
        return 2 * x
"""

DOUBLES = """
    import sys, intermodal
    double = intermodal.Function.from_name("shop", "double")
    print(double.remote(3) if sys.argv[1] == "remote" else double.spawn(4).object_id)
"""

FETCHES = """
    import sys, intermodal
    assert intermodal.FunctionCall.from_id(sys.argv[1]).get(timeout=60) == 8
"""


@pytest.fixture
def impatient(place: Workplace) -> None:
    """The server lets apps rest soon."""
    place.environment["INTERMODAL_APP_IDLE_S"] = "0.5"


def until(true: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_app_that_nobody_calls_takes_nothing_and_comes_back_with_a_call(impatient: None, shop: Shop) -> None:
    """Its session ends, and with it the processes of the backend; the next call starts another. One that keeps a
    spawned call's result goes on."""
    assert shop.deploy("first", source=RESTS).returncode == 0
    runs = shop.data / "local" / "runs"
    until(lambda: not any(runs.iterdir()))
    assert shop.program(DOUBLES, "remote").stdout == "6\n"
    until(lambda: not any(runs.iterdir()))
    call = shop.program(DOUBLES, "spawn").stdout.strip()
    fetched = shop.program(FETCHES, call)
    assert fetched.returncode == 0, fetched.stderr
