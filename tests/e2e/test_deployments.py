"""Deployed apps: they stay at the server, and are called by name from any process (deploy.rolling, deploy.lookup)."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from test_server import Server, serving
from workplace import Done, Workplace

SHOP = """
    import os, intermodal

    app = intermodal.App("shop")
    broken = intermodal.Image.debian_slim().run_commands("exit 7")
    inline = intermodal.Secret.from_dict({"INLINE": "s3cr3t-inline"})

    @app.function(secrets=[inline, intermodal.Secret.from_name("till")])
    def version():
        return ("VERSION", os.environ["INLINE"], os.environ["TILL"])

    @app.function()
    def square(x):
        return x * x

    @app.function()
    def count(n):
        yield from range(n)

    @app.function()
    def hold():
        intermodal.Queue.from_name("started", create_if_missing=True).put(True)
        intermodal.Queue.from_name("go", create_if_missing=True).get(timeout=100)
        return "VERSION"

    @app.function()
    def fails():
        raise ValueError("sold out")

    @app.cls()
    class Scale:
        factor: int = intermodal.parameter(default=2)

        @intermodal.method()
        def scale(self, x):
            return x * self.factor
"""


class Shop:
    """A server with a data directory of its own, and clients of it that have nothing but its URL."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.data = place.directory / "server"
        self.client = {"INTERMODAL_DATA_DIR": str(place.directory / "client")}
        self.server: Server | None = None

    def use(self, server: Server) -> None:
        """Its clients call this one from now on."""
        self.server = server
        self.client = {**self.client, **server.environment}

    def deploy(self, version: str, *options: str, source: str = SHOP) -> Done:
        """Deploy the app with this word in it."""
        self.place.write("shop.py", source.replace("VERSION", version))
        return self.command("deploy", "shop.py", "--tag", version, *options)

    def command(self, *words: str) -> Done:
        """A command of a client."""
        return self.place.intermodal(*words, env=self.client)

    def program(self, text: str, *arguments: str) -> Done:
        """A program of a client, without the app's file beside it."""
        path = self.place.write("elsewhere/program.py", text)
        return self.place.run(str(path), *arguments, env=self.client)

    def called(self) -> str:
        """Which version answers."""
        done = self.program(CALL_VERSION)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def history(self) -> list[Mapping[str, object]]:
        """All versions."""
        done = self.command("app", "history", "shop", "--json")
        assert done.returncode == 0, done.stderr
        rows: list[Mapping[str, object]] = json.loads(done.stdout)
        return rows


CALL_VERSION = """
    import intermodal
    word, inline, till = intermodal.Function.from_name("shop", "version").remote()
    assert (inline, till) == ("s3cr3t-inline", "open"), (inline, till)
    print(word)
"""


@pytest.fixture
def shop(place: Workplace) -> Iterator[Shop]:
    found = Shop(place)
    place.environment["INTERMODAL_DATA_DIR"] = str(found.data)
    with serving(place) as server:
        found.use(server)
        done = found.command("secret", "create", "till", "TILL=open")
        assert done.returncode == 0, done.stderr
        yield found
        if server.process.poll() is None:
            server.end()


CALLS = """
    import intermodal
    from intermodal.exception import NotFoundError, InvalidError

    square = intermodal.Function.from_name("shop", "square")
    assert square.remote(3) == 9
    assert list(square.map(range(4))) == [0, 1, 4, 9]
    assert square.spawn(5).get() == 25
    call = square.spawn(6)
    assert intermodal.FunctionCall.from_id(call.object_id).get() == 36
    assert square.get_current_stats().num_total_runners >= 1
    count = intermodal.Function.from_name("shop", "count")
    assert list(count.remote_gen(3)) == [0, 1, 2]
    for _ in range(10):  # what is granted last comes when the generator has ended
        assert len(list(count.remote_gen(300))) == 300
        assert square.remote(1) == 1
    Scale = intermodal.Cls.from_name("shop", "Scale")
    assert Scale(factor=5).scale.remote(3) == 15
    assert Scale().scale.remote(3) == 6
    assert list(Scale().scale.map([1, 2])) == [2, 4]
    try:
        intermodal.Function.from_name("shop", "fails").remote()
    except ValueError as error:
        assert str(error) == "sold out"
    for wrong, said in (
        (intermodal.Function.from_name("shop", "nothing"), "it has: Scale, count, fails, hold, square, version"),
        (intermodal.Function.from_name("nowhere", "square"), "(deployed: shop)"),
        (intermodal.Function.from_name("shop", "square", environment_name="other"), "it is in: main"),
        (Scale().weigh, "its methods are: scale"),
    ):
        try:
            wrong.remote(1)
        except NotFoundError as error:
            assert said in str(error), error
        else:
            raise AssertionError(said)
    for misuse in (lambda: count.remote(1), lambda: list(square.remote_gen(1)), lambda: list(count.map([1]))):
        try:
            misuse()
        except InvalidError:
            continue
        raise AssertionError

    import asyncio

    async def asynchronously():
        square = intermodal.Function.from_name("shop", "square")
        assert [x async for x in square.map.aio(range(3))] == [0, 1, 4]
        return await square.remote.aio(7)

    assert asyncio.run(asynchronously()) == 49
"""


def test_a_deployed_app_is_called_by_name(shop: Shop) -> None:
    """From a process that has none of its code: calls, maps, generators, spawned calls, classes, in sync and async
    code; unknown names list what there is. A second version takes over; a rolled back one, too; a stopped app is not
    there."""
    done = shop.deploy("first", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"app": "shop", "environment": "main", "number": 1}
    done = shop.program(CALLS)
    assert done.returncode == 0, done.stderr
    assert shop.called() == "first"
    assert shop.deploy("second").stdout == "shop version 2 is live in environment main\n"
    assert shop.called() == "second"
    back = shop.command("app", "rollback", "shop").stdout
    assert back == "shop version 3 is live in environment main, a copy of version 1\n"
    assert shop.called() == "first"
    assert [(row["tag"], row["copy_of"]) for row in shop.history()] == [("first", None), ("second", None), ("first", 1)]
    again = shop.command("app", "rollback", "shop")
    assert again.returncode == 1
    assert "`intermodal app rollback shop NUMBER` (there are: 1, 2, 3;" in again.stderr
    apps = json.loads(shop.command("app", "ls", "--json").stdout)
    assert [(row["app"], row["number"], row["state"]) for row in apps] == [("shop", 3, "live")]
    assert shop.command("app", "stop", "shop").returncode == 0
    assert [row["state"] for row in shop.history()] == ["stopped"] * 3
    refused = shop.program(CALL_VERSION)
    assert "no app 'shop' is deployed" in refused.stderr
    stored = b"".join(path.read_bytes() for path in shop.data.glob("server.db*"))
    assert b"s3cr3t-inline" not in stored


TILL = """
    import intermodal

    app = intermodal.App("till")

    @app.function()
    def total(n):
        square = intermodal.Function.from_name("shop", "square")
        count = intermodal.Function.from_name("shop", "count")
        Scale = intermodal.Cls.from_name("shop", "Scale")
        assert list(square.map(range(n))) == [x * x for x in range(n)]
        assert list(count.remote_gen(3)) == [0, 1, 2]
        assert len(Scale(factor=2).scale.remote(bytes(3_000_000))) == 6_000_000
        call = square.spawn(n)
        assert intermodal.FunctionCall.from_id(call.object_id).get() == n * n
        try:
            intermodal.Function.from_name("shop", "nothing").remote()
        except intermodal.exception.NotFoundError as error:
            assert "it has: Scale" in str(error), error
        try:
            intermodal.Function.from_name("shop", "fails").remote()
        except ValueError as error:
            return str(error)

    @app.local_entrypoint()
    def main():
        assert total.remote(4) == "sold out"
"""


@pytest.mark.one_user
def test_containers_call_deployed_functions(shop: Shop, place: Workplace) -> None:
    """Those of other apps, from an app that is deployed and from one that a client runs; where no server is, they are
    told so."""
    assert shop.deploy("good").returncode == 0
    place.write("till.py", TILL)
    done = shop.command("run", "till.py")
    assert done.returncode == 0, done.stderr
    assert shop.command("deploy", "till.py").returncode == 0
    done = shop.program("import intermodal\nprint(intermodal.Function.from_name('till', 'total').remote(3))")
    assert done.stdout == "sold out\n", done.stderr
    done = place.intermodal("run", "till.py", env={"INTERMODAL_DATA_DIR": str(place.directory / "client")})
    assert "deployed apps are at a server" in done.stderr


AGAIN = """
    import asyncio, intermodal
    from intermodal import Function

    app = intermodal.App("again")

    @app.function()
    def same(x):
        return x

    if __name__ == "__main__":
        assert app.deploy().number == 1
        assert asyncio.run(app.deploy.aio(tag="later")).number == 2
        assert Function.from_name("again", "same").remote(3) == Function.lookup("again", "same").remote(3) == 3
"""


@pytest.mark.one_user
def test_a_program_deploys_itself(shop: Shop, place: Workplace) -> None:
    """As often as it likes, and from async code, too."""
    done = place.run("-W", "ignore", str(place.write("again.py", AGAIN)), env=shop.client)
    assert done.returncode == 0, done.stderr


@pytest.mark.one_user
def test_a_new_version_takes_over_while_calls_go_on(shop: Shop, place: Workplace) -> None:
    """A call that was begun ends in the version that has it, which stops only then; others go to the new one at once
    (deploy.rolling)."""
    assert shop.deploy("first").returncode == 0
    path = place.write("hold.py", "import intermodal\nprint(intermodal.Function.from_name('shop', 'hold').remote())")
    holding = place.start(str(path), env=shop.client)
    queue = "import intermodal\nintermodal.Queue.from_name({!r}, create_if_missing=True).{}"
    assert shop.program(queue.format("started", "get(timeout=100)")).returncode == 0
    assert shop.deploy("second").returncode == 0
    assert shop.called() == "second"
    assert [row["state"] for row in shop.history()] == ["draining", "live"]
    assert shop.program(queue.format("go", "put(True)")).returncode == 0
    answer, errors = holding.communicate(timeout=100)
    assert (answer, errors) == ("first\n", "")
    deadline = time.monotonic() + 100
    while [row["state"] for row in shop.history()] != ["stopped", "live"]:
        assert time.monotonic() < deadline


BROKEN_IMAGE = SHOP.replace("@app.function()", "@app.function(image=broken)", 1)
BROKEN_START = (
    SHOP
    + """
    @app.cls(min_containers=1)
    class Broken:
        @intermodal.enter()
        def enter(self):
            raise RuntimeError("no shelf " + os.environ.get("HOME", ""))

        @intermodal.method()
        def never(self):
            pass
"""
)


@pytest.mark.one_user
def test_a_broken_version_never_takes_calls(shop: Shop) -> None:
    """One whose image cannot be built, and one whose containers do not come up: the deployer hears why, the version is
    marked as failed, and the one before goes on (deploy.rolling)."""
    assert shop.deploy("good").returncode == 0
    for tag in ("x" * 201, "a\nb"):
        done = shop.deploy("good", "--tag", tag)
        assert done.returncode == 1
        assert "cannot be a version's tag: use at most 200 printable characters" in done.stderr
    done = shop.deploy("no-image", source=BROKEN_IMAGE)
    assert done.returncode == 1
    assert "exit 7" in done.stderr
    done = shop.deploy("no-start", source=BROKEN_START)
    assert done.returncode == 1
    assert "RuntimeError: no shelf" in done.stderr
    good, no_image, no_start = shop.history()
    assert [row["state"] for row in (good, no_image, no_start)] == ["live", "failed", "failed"]
    assert "exit 7" in str(no_image["error"])
    assert "no shelf" in str(no_start["error"])
    assert shop.called() == "good"


SPAWN = """
    import intermodal
    print(intermodal.Function.from_name("shop", "square").spawn(5).object_id)
"""

RESULT = """
    import sys, intermodal
    print(intermodal.FunctionCall.from_id(sys.argv[1]).get(timeout=60))
"""


@pytest.mark.one_user
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_deployed_apps_come_back_with_the_server(shop: Shop, place: Workplace, how: signal.Signals) -> None:
    """Whatever way it ended, with their secrets; and what they need is not collected meanwhile. The first call
    may be one whose caller ends at once; its result is kept longer than the app."""
    assert shop.deploy("stays").returncode == 0
    assert shop.called() == "stays"
    assert shop.server is not None
    shop.server.process.send_signal(how)
    shop.server.process.communicate(timeout=60)
    done = place.intermodal("storage", "gc", "--older-than", "0s")
    assert done.returncode == 0, done.stderr
    (place.directory / "shop.py").unlink()
    with serving(place) as again:
        shop.use(again)
        spawned = shop.program(SPAWN)
        assert spawned.returncode == 0, spawned.stderr
        assert shop.program(RESULT, spawned.stdout.strip()).stdout == "25\n"
        assert shop.called() == "stays"
        assert [row["state"] for row in shop.history()] == ["live"]
        assert shop.command("app", "stop", "shop").returncode == 0
        assert shop.program(RESULT, spawned.stdout.strip()).stdout == "25\n"
        again.end()


@pytest.mark.one_user
def test_without_a_server(place: Workplace) -> None:
    """Whoever deploys or calls hears in one line what is missing."""
    place.write("shop.py", SHOP)
    done = place.intermodal("deploy", "shop.py")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "INTERMODAL_SERVER_URL" in done.stderr
    path = Path(place.write("call.py", CALL_VERSION))
    done = place.run(str(path))
    assert "INTERMODAL_SERVER_URL" in done.stderr


def test_nothing_is_called_that_has_no_name(place: Workplace) -> None:
    """An app without a name cannot be found, so it cannot be deployed."""
    place.write("nameless.py", "import intermodal\napp = intermodal.App()\n")
    done = place.intermodal("deploy", "nameless.py", env={"INTERMODAL_SERVER_URL": "http://127.0.0.1:1"})
    assert done.returncode == 1
    assert "has no name" in done.stderr
