"""deploy.*: an app that stays at a server with the backend under test, and programs that call it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from intermodal_conformance.marks import requirement
from intermodal_conformance.served import Served, serving
from intermodal_conformance.target import Target

#: An app, with a word that tells versions apart.
APP = """
    import intermodal

    app = intermodal.App("conformance-deployed")
    small = {"cpu": 0.01, "memory": 64}

    @app.function(**small)
    def word():
        return "WORD"

    @app.function(**small)
    def square(x):
        return x * x

    @app.function(**small)
    def fails():
        raise KeyError("nothing there")

    @app.function(**small)
    def hold(started, go):
        started.put(True)
        go.get(timeout=100)
        return "WORD"

    @app.cls(**small)
    class Scale:
        factor: int = intermodal.parameter(default=2)

        @intermodal.method()
        def scale(self, x):
            return self.factor * x
"""

BROKEN = (
    APP
    + """
    @app.cls(min_containers=1, **small)
    class Broken:
        @intermodal.enter()
        def enter(self):
            raise RuntimeError("never ready")

        @intermodal.method()
        def use(self):
            pass
"""
)

WORD = """
    import intermodal, json
    print(json.dumps(intermodal.Function.from_name("conformance-deployed", "word").remote()))
"""

TICKS = """
    import intermodal

    app = intermodal.App("conformance-ticks")

    @app.function(cpu=0.01, memory=64, schedule=intermodal.Period(seconds=1))
    def tick():
        intermodal.Queue.from_name("conformance-ticks", create_if_missing=True).put(True)
"""


@pytest.fixture(scope="module")
def server(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests of this module."""
    with serving(target, tmp_path_factory.mktemp("deployed")) as served:
        yield served


def deploy(server: Served, word: str, source: str = APP) -> tuple[int, str]:
    """A version of the app: the exit code, and what was said of failures."""
    server.write("deployed.py", source.replace("WORD", word))
    done = server.command("deploy", "deployed.py")
    return done.returncode, done.stderr


def states(server: Served) -> list[str]:
    """Of all versions, the oldest first."""
    done = server.command("app", "history", "conformance-deployed", "--json")
    assert done.returncode == 0, done.stderr
    return [row["state"] for row in json.loads(done.stdout)]


@requirement("deploy.lookup")
def test_deployed_functions_and_classes_are_called_by_name(server: Served) -> None:
    """From a process that has none of the app's code: values, errors, ids of calls; what is not there is named."""
    assert deploy(server, "looked up")[0] == 0
    found = server.run(
        """
        import intermodal, json
        from intermodal.exception import NotFoundError

        def of(name):
            return intermodal.Function.from_name("conformance-deployed", name)

        def error(call):
            try:
                call()
            except Exception as error:
                return type(error).__name__, str(error)

        square, Scale = of("square"), intermodal.Cls.from_name("conformance-deployed", "Scale")
        call = square.spawn(5)
        found = {
            "word": of("word").remote(),
            "map": list(square.map(range(20))),
            "by id": intermodal.FunctionCall.from_id(call.object_id).get(timeout=60),
            "scaled": [Scale().scale.remote(3), Scale(factor=5).scale.remote(3)],
            "failed": error(of("fails").remote),
            "no function": error(of("nobody").remote),
            "no app": error(intermodal.Function.from_name("conformance-nobody", "word").remote),
        }
        print(json.dumps(found))
        """
    )
    assert (found["word"], found["by id"], found["scaled"]) == ("looked up", 25, [6, 15])
    assert found["map"] == [x * x for x in range(20)]
    assert found["failed"] == ["KeyError", "'nothing there'"]
    assert found["no function"][0] == found["no app"][0] == "NotFoundError"
    assert "square" in found["no function"][1]
    assert "conformance-deployed" in found["no app"][1]


@requirement("deploy.lookup")
def test_deployed_apps_outlive_their_server(server: Served) -> None:
    """A server that was killed and started again has them."""
    assert deploy(server, "stays")[0] == 0
    assert server.run(WORD) == "stays"
    server.kill()
    server.start()
    assert server.run(WORD) == "stays"
    assert states(server).count("live") == 1


@requirement("deploy.rolling")
def test_a_new_version_takes_over_while_calls_of_the_old_one_end(server: Served) -> None:
    """What was begun ends where it began; what comes is the new version's."""
    assert deploy(server, "old")[0] == 0
    begun = server.begin(
        """
        import intermodal, json
        hold = intermodal.Function.from_name("conformance-deployed", "hold")
        queues = [intermodal.Queue.from_name(f"conformance-{name}", create_if_missing=True) for name in ("in", "go")]
        print(json.dumps(hold.remote(*queues)))
        """
    )
    queue = "import intermodal, json\nq = intermodal.Queue.from_name('conformance-{}', create_if_missing=True)\n"
    assert server.run(queue.format("in") + "print(json.dumps(q.get(timeout=100)))") is True
    assert deploy(server, "new")[0] == 0
    assert server.run(WORD) == "new"
    assert states(server)[-2:] == ["draining", "live"]
    server.run(queue.format("go") + "q.put(True)\nprint('null')")
    assert begun.value() == "old"
    assert server.run(WORD) == "new"


@requirement("deploy.rolling")
def test_a_broken_version_takes_no_calls_and_an_old_one_comes_back(server: Served) -> None:
    """Its author hears why, it is marked as failed, and the version before goes on; roll-back deploys an earlier one
    again."""
    assert deploy(server, "first")[0] == 0
    code, said = deploy(server, "broken", BROKEN)
    assert code != 0
    assert "never ready" in said
    assert states(server)[-2:] == ["live", "failed"]
    assert server.run(WORD) == "first"
    assert deploy(server, "second")[0] == 0
    assert server.run(WORD) == "second"
    done = server.command("app", "rollback", "conformance-deployed")
    assert done.returncode == 0, done.stderr
    assert server.run(WORD) == "first"


@requirement("deploy.schedule")
def test_a_schedule_runs_by_itself_and_each_slot_once(server: Served) -> None:
    """Also after the server was killed; and no more when the app is stopped."""
    server.write("ticks.py", TICKS)
    done = server.command("deploy", "ticks.py")
    assert done.returncode == 0, done.stderr
    ticks = "import intermodal\nq = intermodal.Queue.from_name('conformance-ticks', create_if_missing=True)\n"
    twice = ticks + "for _ in range(2): q.get(timeout=60)\nprint('null')"
    server.run(twice)
    server.kill()
    server.start()
    server.run(twice)
    done = server.command("app", "stop", "conformance-ticks")
    assert done.returncode == 0, done.stderr
    done = server.command("schedule", "runs", "conformance-ticks", "tick", "--json")
    runs: list[dict[str, Any]] = json.loads(done.stdout)
    assert len({run["slot"] for run in runs}) == len(runs) >= 4
    # Of what the killed server had begun, the next one has to begin again.
    again = [run for run in runs if run["tries"] > 1]
    assert len(again) <= len(runs) - 2, runs
